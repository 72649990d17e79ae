//! The registry of the running daemon, for the API.

use super::super::core::{Control, ask};
use super::super::error::{AppError, chain};
use super::super::registry::{self, Hashes, Registered};
use crate::app::backtest::{Asked, BacktestError, of_store};
use crate::engine::{Promotion, PromotionView, Withdrawal};
use crate::http::{Backtested, Granted, Models, Picked, Telling, Told};
use crate::store::Reader;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, TryLockError};
use tokio::sync::mpsc;

/// The models of the store, and the way to the core, which lets another one judge.
#[derive(Debug)]
pub(super) struct RunningModels {
    reader: Reader,
    /// The store's file, for people.
    path: PathBuf,
    control: mpsc::Sender<Control>,
    /// Of the artifacts that were read before.
    hashes: Mutex<Hashes>,
    /// Held while a backtest runs.
    backtests: Mutex<()>,
}

impl RunningModels {
    pub(super) fn new(reader: Reader, path: PathBuf, control: mpsc::Sender<Control>) -> Self {
        Self { reader, path, control, hashes: Mutex::default(), backtests: Mutex::default() }
    }
}

impl Models for RunningModels {
    fn list(&self, line: Option<&str>, grade: Option<&str>) -> Result<Vec<Value>, String> {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let models = registry::models(&self.reader, line, grade, &mut hashes);
        let models = models.map_err(|error| chain(&error))?;
        Ok(models.iter().map(Registered::document).collect())
    }

    fn pick(&self, of: (&str, &str), version: Option<u32>) -> Result<Picked, String> {
        match registry::pick(&self.reader, of, version) {
            Ok((version, artifact)) => Ok(Ok((version, artifact.into()))),
            Err(error @ (AppError::NoModel { .. } | AppError::NothingBefore { .. })) => {
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(chain(&error)),
        }
    }

    fn backtest(
        &self,
        (line, grade): (&str, &str),
        version: u32,
        batches: usize,
    ) -> Result<Backtested, String> {
        let _runs = match self.backtests.try_lock() {
            Ok(runs) => runs,
            Err(TryLockError::Poisoned(runs)) => runs.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(Backtested::Busy),
        };
        let asked = Asked { line, grade, version: Some(version), batches };
        match of_store((&self.reader, &self.path), None, asked) {
            Ok(told) => {
                serde_json::to_value(told).map(Backtested::Told).map_err(|error| error.to_string())
            }
            Err(BacktestError::Unknown(what)) => Ok(Backtested::Unknown(what)),
            Err(BacktestError::Failed(error)) => Err(chain(&error)),
        }
    }

    fn promote(&self, promotion: Promotion) -> Telling<Granted> {
        let control = self.control.clone();
        let promotion = Box::new(promotion);
        Box::pin(async move {
            ask(&control, |asker| Control::Promote(promotion, asker), Told::Unfit).await
        })
    }

    fn withdraw(&self, withdrawal: Withdrawal) -> Telling<PromotionView> {
        let control = self.control.clone();
        Box::pin(async move {
            ask(&control, |asker| Control::Withdraw(withdrawal, asker), Told::Conflict).await
        })
    }
}
