//! What ties are learned from: standardised means of minutes, block after block.

use super::super::screen::Screened;
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

/// The length of a mean, s: of the whole number of frames that comes nearest, at least one.
const MINUTE_S: f64 = 60.0;

/// Weights are learned from means of so many minutes: the error of an instrument makes its weight too small (regression
/// dilution), and is gone from a mean of ten minutes sooner than what a process does.
const MINUTES_TOGETHER: usize = 10;

/// Standardised means of minutes.
pub(super) struct Minutes {
    /// Mean and standard deviation (N − 1) of each column; 1 for a column that stands still.
    pub(super) mean: Array1<f64>,
    pub(super) sd: Array1<f64>,
    /// Minutes × columns of each block that lasts a minute.
    pub(super) blocks: Vec<Array2<f64>>,
    /// What smoothing takes for the length of a mean, s.
    pub(super) seconds: f64,
}

impl Minutes {
    /// `None` if no block lasts a minute.
    pub(super) fn of(screened: &Screened, frame_s: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "frames in a minute"
        )]
        let each = (MINUTE_S / frame_s).round().max(1.0) as usize;
        let minutes = |(begin, end): &(usize, usize)| {
            let rows = screened.rows.slice_axis(Axis(0), Slice::from(*begin..*end));
            let whole = rows.nrows() / each * each;
            means_of(rows.slice_axis(Axis(0), Slice::from(..whole)), each)
        };
        let mut blocks: Vec<Array2<f64>> =
            screened.blocks.iter().map(minutes).filter(|block| block.nrows() > 0).collect();
        let rows = stack(&blocks)?;
        let mean = rows.mean_axis(Axis(0))?;
        let sd = rows.std_axis(Axis(0), 1.0).mapv(|sd| if sd > 0.0 { sd } else { 1.0 });
        for block in &mut blocks {
            *block = (&*block - &mean) / &sd;
        }
        Some(Self { mean, sd, blocks, seconds: frame_s.max(MINUTE_S) })
    }

    /// The number of minutes.
    pub(super) fn rows(&self) -> usize {
        self.blocks.iter().map(Array2::nrows).sum()
    }

    /// The blocks with these columns alone.
    pub(super) fn columns(&self, columns: &[usize]) -> Vec<Array2<f64>> {
        let part = |block: &Array2<f64>| {
            let shape = (block.nrows(), columns.len());
            Array2::from_shape_fn(shape, |(row, column)| block[[row, columns[column]]])
        };
        self.blocks.iter().map(part).collect()
    }
}

/// A block in means of about [`MINUTES_TOGETHER`] minutes, as even as it can be cut.
pub(super) fn longer_means(block: &Array2<f64>) -> Array2<f64> {
    let chunks = block.nrows().div_ceil(MINUTES_TOGETHER);
    means_of(block.view(), block.nrows().div_ceil(chunks.max(1)).max(1))
}

/// One block's rows under another's. `None` if there are none.
pub(super) fn stack(blocks: &[Array2<f64>]) -> Option<Array2<f64>> {
    let views: Vec<_> = blocks.iter().map(Array2::view).collect();
    ndarray::concatenate(Axis(0), &views).ok()
}

/// The means of so many rows each; the last one is of what remains.
fn means_of(rows: ArrayView2<'_, f64>, each: usize) -> Array2<f64> {
    let mut means = Array2::zeros((rows.nrows().div_ceil(each), rows.ncols()));
    let chunks = rows.axis_chunks_iter(Axis(0), each);
    for (mut mean, chunk) in means.rows_mut().into_iter().zip(chunks) {
        mean.assign(&chunk.mean_axis(Axis(0)).expect("a chunk has rows"));
    }
    means
}
