//! The models of a store: put in by hand, found by version, switched back.
//!
//! A version is never changed and never switched on again under its old number. What judges again is a new version
//! with the same artifact, so versions tell in which order models came to judge.

use super::error::AppError;
use crate::models::{ArtifactError, Header, Model};
use crate::reading::{Timestamp, hex};
use crate::store::{
    Commit, FIRST_BY_HAND, ModelRow, Reader, Settings, Store, StoredModel, WhenFull,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// More than any store holds, bytes.
const LARGEST_STORE: u64 = 1 << 43;

/// A model of the registry.
#[derive(Debug, Clone)]
pub struct Registered {
    /// How it stands in the store.
    pub stored: StoredModel,
    /// What is known about it.
    pub header: Header,
    /// SHA-256 of its artifact, in hexadecimal digits: the same for the same model, wherever it is.
    pub sha256: String,
    /// Whether it judges.
    pub state: State,
}

/// Whether a model of the registry judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Judges,
    /// It is better than the one that judges, and waits for a person to promote it.
    Waits,
    /// It did.
    Judged,
    /// It waited until a newer one came.
    Waited,
}

impl State {
    fn of(model: &StoredModel, newest: u32) -> Self {
        match (model.active, waits(model)) {
            (true, _) => Self::Judges,
            (false, true) if model.version == newest => Self::Waits,
            (false, true) => Self::Waited,
            (false, false) => Self::Judged,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Judges => "judges",
            Self::Waits => "waits",
            Self::Judged => "judged",
            Self::Waited => "waited",
        }
    }
}

impl Registered {
    /// The model for machines.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        let Self { stored, header, sha256, state } = self;
        let calibration = &header.calibration;
        serde_json::json!({
            "line": stored.line, "grade": stored.grade, "version": stored.version, "kind": stored.kind,
            "state": state.as_str(), "judges": stored.active, "waits": waits(stored),
            "by_hand": stored.is_by_hand(), "by_person": is_of_person(stored),
            "since": (!stored.is_by_hand()).then(|| stored.at.as_millis()),
            "summary": header.summary(), "provisional": calibration.provisional,
            "rate": calibration.rate, "rate_range": calibration.rate_range,
            "batches": header.spec.batches.then_some(header.blocks), "rows": header.rows,
            "sha256": sha256, "header": header,
        })
    }
}

/// The hashes of artifacts that were read before, by the ids of the models: an artifact never changes.
pub type Hashes = BTreeMap<u64, String>;

/// The models of a store, by line, grade and version; `None` takes every line or grade.
///
/// # Errors
/// When the store cannot be read, or one of its models.
pub fn models(
    reader: &Reader,
    line: Option<&str>,
    grade: Option<&str>,
    hashes: &mut Hashes,
) -> Result<Vec<Registered>, AppError> {
    let mut stored = reader.models(line, grade)?;
    // Ids of models put in by hand lie above all others.
    stored.sort_by(|a, b| {
        (&a.line, &a.grade, a.version, a.id).cmp(&(&b.line, &b.grade, b.version, b.id))
    });
    let mut newest: BTreeMap<(String, String), u32> = BTreeMap::new();
    for model in &stored {
        newest.insert((model.line.clone(), model.grade.clone()), model.version);
    }
    let newest = |model: &StoredModel| newest[&(model.line.clone(), model.grade.clone())];
    let registered = |stored: StoredModel| {
        let newest = newest(&stored);
        registered(reader, stored, newest, hashes)
    };
    stored.into_iter().map(registered).collect()
}

/// The key of a header in the registry that says that the model never judged: it waits for a person, or waited. What a
/// person promotes is another version.
const WAITS: &str = "waits";

/// The key of a header in the registry that says that a person lets the model judge, while the daemon ran.
const BY_PERSON: &str = "by_person";

/// The header of a model, with whether it judges, and whether a person lets it.
pub(super) fn marked(header: &str, judges: bool, by_person: bool) -> String {
    let marks = [(WAITS, !judges), (BY_PERSON, by_person)];
    if marks.iter().all(|(_, is_so)| !is_so) {
        return header.to_owned();
    }
    let mut header: serde_json::Value = serde_json::from_str(header).unwrap_or_default();
    for (mark, _) in marks.iter().filter(|(_, is_so)| *is_so) {
        header[*mark] = true.into();
    }
    header.to_string()
}

/// True of a model that never judged.
fn waits(model: &StoredModel) -> bool {
    has_mark(model, WAITS)
}

/// True of a model that a person put into the store, or promoted while the daemon ran.
pub(super) fn is_of_person(model: &StoredModel) -> bool {
    model.is_by_hand() || has_mark(model, BY_PERSON)
}

fn has_mark(model: &StoredModel, mark: &str) -> bool {
    let header = serde_json::from_str::<serde_json::Value>(&model.header);
    header.is_ok_and(|header| header[mark] == true)
}

fn registered(
    reader: &Reader,
    stored: StoredModel,
    newest: u32,
    hashes: &mut Hashes,
) -> Result<Registered, AppError> {
    let header = serde_json::from_str(&stored.header).map_err(ArtifactError::from)?;
    let sha256 = match hashes.get(&stored.id) {
        Some(known) => known.clone(),
        None => hex(&Sha256::digest(artifact(reader, &stored)?)),
    };
    hashes.insert(stored.id, sha256.clone());
    let state = State::of(&stored, newest);
    Ok(Registered { stored, header, sha256, state })
}

/// True of the newest model of its line and grade, if it is better than the one that judges and a person is to
/// promote it; `models` are those of the registry.
pub(super) fn is_waiting<'a>(
    model: &StoredModel,
    models: impl IntoIterator<Item = &'a StoredModel>,
) -> bool {
    let same = |other: &&StoredModel| (&other.line, &other.grade) == (&model.line, &model.grade);
    let newest = models.into_iter().filter(same).map(|other| other.version).max();
    State::of(model, newest.unwrap_or_default()) == State::Waits
}

/// What is known of the model of a line and grade that judges, or of that of a version.
///
/// # Errors
/// When there is none, the store cannot be read, or the model is of another form.
pub fn one(
    reader: &Reader,
    of: (&str, &str),
    version: Option<u32>,
) -> Result<Registered, AppError> {
    let stored = find(reader, of, version)?;
    let newest = reader.models(Some(of.0), Some(of.1))?.iter().map(|model| model.version).max();
    registered(reader, stored, newest.unwrap_or_default(), &mut Hashes::new())
}

/// The artifact of a model, as it was written.
///
/// # Errors
/// When the store cannot be read.
pub fn artifact(reader: &Reader, model: &StoredModel) -> Result<Vec<u8>, AppError> {
    let found = reader.model_artifact(model.id)?;
    found.ok_or_else(|| no_model(&model.line, &model.grade, Some(model.version)))
}

/// The model of a line and grade that judges, or that of a version.
///
/// # Errors
/// When there is none, or the store cannot be read.
pub fn find(
    reader: &Reader,
    (line, grade): (&str, &str),
    version: Option<u32>,
) -> Result<StoredModel, AppError> {
    let is_it = |model: &StoredModel| version.map_or(model.active, |of| model.version == of);
    let models = reader.models(Some(line), Some(grade))?.into_iter().filter(is_it);
    let found = models.max_by_key(|model| (model.version, model.id));
    found.ok_or_else(|| no_model(line, grade, version))
}

fn no_model(line: &str, grade: &str, version: Option<u32>) -> AppError {
    AppError::NoModel { line: line.into(), grade: grade.into(), version }
}

/// Puts a model into the registry of a store that nobody has open; it judges from the next start of a daemon on it.
/// Gives its version.
///
/// # Errors
/// When the artifact is none, or the store cannot be opened or written.
pub fn keep(path: &Path, line: &str, grade: &str, artifact: &[u8]) -> Result<u32, AppError> {
    let model = Model::from_bytes(artifact)?;
    let settings = Settings {
        path: Some(path.to_owned()),
        // A model is no reason to give up anything that the store holds.
        max_size_bytes: LARGEST_STORE,
        when_full: WhenFull::Block,
    };
    let mut store = Store::open(&settings)?;
    let known = store.reader()?.models(None, None)?;
    let of_this = known.iter().filter(|m| m.line == line && m.grade == grade);
    let version = of_this.map(|m| m.version).max().unwrap_or(0) + 1;
    let id = known.iter().map(|m| m.id + 1).max().unwrap_or(FIRST_BY_HAND).max(FIRST_BY_HAND);
    let row = ModelRow {
        id,
        line,
        grade,
        kind: model.kind(),
        version,
        // A model put in by hand has no instant of the line's clock.
        at: Timestamp::from_nanos(0),
        header: &model.header_json(),
        artifact,
        active: true,
    };
    store.commit(&Commit { models: &[row], ..Commit::default() })?;
    Ok(version)
}

/// Lets a version judge again, as a new version, which it gives with that of the model that it was a copy of: the
/// version asked for, or the one before that which judges.
///
/// # Errors
/// When there is no such model, or the store cannot be opened or written.
pub fn judge_again(
    path: &Path,
    (line, grade): (&str, &str),
    version: Option<u32>,
) -> Result<(u32, u32), AppError> {
    let (of, artifact) = pick(&Reader::open(path)?, (line, grade), version)?;
    Ok((of, keep(path, line, grade, &artifact)?))
}

/// The model that is to judge again: that of a version, or the one before that which judges; its version and artifact.
///
/// # Errors
/// When there is no such model, or the store cannot be read.
pub fn pick(
    reader: &Reader,
    (line, grade): (&str, &str),
    version: Option<u32>,
) -> Result<(u32, Vec<u8>), AppError> {
    let picked = match version {
        Some(_) => find(reader, (line, grade), version)?,
        None => before(reader, line, grade)?,
    };
    Ok((picked.version, artifact(reader, &picked)?))
}

/// The last model that judged before the one that judges and is another one: not a copy of it.
fn before(reader: &Reader, line: &str, grade: &str) -> Result<StoredModel, AppError> {
    let judges = find(reader, (line, grade), None)?;
    let now = artifact(reader, &judges)?;
    let mut models = reader.models(Some(line), Some(grade))?;
    models.sort_by_key(|model| std::cmp::Reverse((model.version, model.id)));
    for model in models {
        let is_before = model.version < judges.version && !waits(&model);
        if is_before && artifact(reader, &model)? != now {
            return Ok(model);
        }
    }
    Err(AppError::NothingBefore { line: line.into(), grade: grade.into(), version: judges.version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{FitSpec, Table, fit};
    use crate::plant::Budget;

    /// A model of two tags that differs with its seed.
    fn model(seed: u32) -> Model {
        let row = |ix: u32| {
            let part = |k: u32| f64::from((ix * 7_919 + k * 104_729 + seed * 31) % 1_009);
            [part(1), part(2)]
        };
        let table = Table {
            columns: vec!["a".into(), "b".into()],
            values: (0..200).flat_map(row).collect(),
            blocks: vec![0, 100],
            ..Table::default()
        };
        let spec = FitSpec {
            frame: std::time::Duration::from_secs(10),
            budget: Budget::PerBatches { flags: 1, batches: 20 },
            batches: true,
            seed: 1,
            least_sd: BTreeMap::new(),
            wanders: BTreeMap::new(),
            ties: BTreeMap::new(),
        };
        fit(&table, &spec).unwrap()
    }

    #[test]
    fn a_model_that_only_waited_is_no_model_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let settings = Settings {
            path: Some(path.clone()),
            max_size_bytes: LARGEST_STORE,
            when_full: WhenFull::Block,
        };
        let mut store = Store::open(&settings).unwrap();
        // The first one judges, two better ones wait.
        for version in 1..=3 {
            let model = model(version);
            let (judges, header) = (version == 1, model.header_json());
            let row = ModelRow {
                id: version.into(),
                line: "tm3",
                grade: "g",
                kind: model.kind(),
                version,
                at: Timestamp::from_nanos(0),
                header: &marked(&header, judges, false),
                artifact: &model.to_bytes(),
                active: judges,
            };
            store.commit(&Commit { models: &[row], ..Commit::default() }).unwrap();
        }
        drop(store);
        let states = || -> Vec<State> {
            let reader = Reader::open(&path).unwrap();
            let found = models(&reader, None, None, &mut Hashes::new()).unwrap();
            found.iter().map(|one| one.state).collect()
        };
        assert_eq!(states(), [State::Judges, State::Waited, State::Waits]);
        let of_person = |mark: bool, id: u64| {
            let header = marked("{}", true, mark);
            let stored = find(&Reader::open(&path).unwrap(), ("tm3", "g"), None).unwrap();
            is_of_person(&StoredModel { id, header, ..stored })
        };
        // What a fit brought is nobody's, a person's what was promoted over the API or put there by hand.
        assert_eq!(
            [of_person(false, 7), of_person(true, 7), of_person(false, FIRST_BY_HAND)],
            [false, true, true]
        );
        // The API says what the command line says: its document has the same keys.
        let api: serde_json::Value =
            serde_json::from_str(include_str!("../http/openapi.json")).unwrap();
        let one = one(&Reader::open(&path).unwrap(), ("tm3", "g"), None).unwrap().document();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        // And what only the running daemon knows.
        let mut said = keys(&api["components"]["schemas"]["Model"]["properties"]);
        said.retain(|key| key != "shadow");
        assert_eq!(keys(&one), said);

        assert_eq!(judge_again(&path, ("tm3", "g"), Some(3)).unwrap(), (3, 4));
        let judges = find(&Reader::open(&path).unwrap(), ("tm3", "g"), None).unwrap();
        assert!(!waits(&judges), "what a person promotes waits no more");
        assert_eq!(states(), [State::Judged, State::Waited, State::Waited, State::Judges]);
        assert_eq!(judge_again(&path, ("tm3", "g"), None).unwrap(), (1, 5));
    }
}
