//! The audit log: nothing is changed, taken out or put in without being seen.

use super::*;
use crate::store::repair;

fn row<'a>(at: i64, what: &'a str, entry: &'a str) -> AuditRow<'a> {
    AuditRow { at: Timestamp::from_nanos(at), what, entry }
}

/// A store with these many entries.
fn filled(settings: &Settings, entries: i64) -> Store {
    let mut store = open(settings);
    for n in 0..entries {
        let entry = format!(r#"{{"subject":"R{n}","by":"shift-a"}}"#);
        let rows = [row(n, "disposition", &entry)];
        store.commit(&Commit { audit: &rows, ..Commit::default() }).unwrap();
    }
    store
}

fn verify(store: &Store) -> AuditChain {
    store.reader().unwrap().verify_audit().unwrap()
}

/// The chain after somebody did this to the file without the triggers.
fn after(sql: &str) -> AuditChain {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    drop(filled(&settings, 5));
    let conn = Connection::open(settings.path.as_deref().unwrap()).unwrap();
    conn.execute_batch("DROP TRIGGER audit_changes_nothing; DROP TRIGGER audit_forgets_nothing")
        .unwrap();
    assert!(conn.execute(sql, ()).unwrap() > 0);
    drop(conn);
    let store = open(&settings);
    let damage = store.reader().unwrap().check().unwrap();
    let chain = verify(&store);
    assert_eq!(damage.len(), usize::from(chain.broken.is_some()), "{damage:?}");
    chain
}

#[test]
fn entries_are_a_chain_over_commits_and_starts() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let store = open(&settings);
    let zeros = "0".repeat(64);
    assert_eq!(verify(&store), AuditChain { entries: 0, hash: zeros, broken: None });
    drop(store);
    let mut store = filled(&settings, 3);
    let rows = [row(7, "maintenance", "{}"), row(7, "maintenance-end", "{}")];
    store.commit(&Commit { audit: &rows, ..Commit::default() }).unwrap();
    let chain = verify(&store);
    assert_eq!((chain.entries, chain.broken), (5, None));
    let reader = store.reader().unwrap();
    let newest = reader.audit(None, 2).unwrap();
    let shown = |entries: &[AuditEntry]| {
        entries.iter().map(|entry| (entry.id, entry.what.clone())).collect::<Vec<_>>()
    };
    assert_eq!(shown(&newest), [(5, "maintenance-end".into()), (4, "maintenance".into())]);
    assert_eq!(newest[0].hash, chain.hash);
    assert_eq!(shown(&reader.audit(Some(4), 9).unwrap()).len(), 3);
    // By an independent hand: `printf` of the same bytes through `sha256sum`.
    let first = reader.audit(Some(2), 1).unwrap().remove(0);
    assert_eq!(first.entry, r#"{"subject":"R0","by":"shift-a"}"#);
    assert_eq!(first.hash, FIRST);
}

/// `(head -c 32 /dev/zero; printf '\0\0\0\0\0\0\0\1'; head -c 8 /dev/zero; printf '\0\0\0\0\0\0\0\013disposition';
/// printf '\0\0\0\0\0\0\0\037{"subject":"R0","by":"shift-a"}') | sha256sum`
const FIRST: &str = "ab14e95a9e64ff6d379b90e985acacfce20bc9323952240493963e2b055b66f5";

#[test]
fn what_was_done_to_the_file_is_found() {
    let broken = |sql: &str| after(sql).broken.map(|(id, _)| id);
    assert_eq!(broken("UPDATE audit SET entry = '{}' WHERE id = 3"), Some(3));
    assert_eq!(broken("UPDATE audit SET at = 9 WHERE id = 2"), Some(2));
    assert_eq!(broken("UPDATE audit SET what = 'void' WHERE id = 5"), Some(5));
    assert_eq!(broken("DELETE FROM audit WHERE id = 1"), Some(1));
    assert_eq!(broken("DELETE FROM audit WHERE id = 4"), Some(4));
    assert_eq!(
        broken("INSERT INTO audit SELECT 6, at, what, entry, hash FROM audit WHERE id = 5"),
        Some(6)
    );
    // The end alone is missing: the chain is whole, and another hash than was printed before.
    let shorter = after("DELETE FROM audit WHERE id = 5");
    assert_eq!((shorter.entries, shorter.broken), (4, None));
}

#[test]
fn the_file_itself_refuses_to_change_or_forget() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    drop(filled(&settings, 2));
    let conn = Connection::open(settings.path.as_deref().unwrap()).unwrap();
    for sql in ["UPDATE audit SET entry = ''", "DELETE FROM audit WHERE id = 2"] {
        let error = conn.execute(sql, ()).unwrap_err().to_string();
        assert!(error.contains("only appended to"), "{error}");
    }
}

#[test]
fn a_repair_keeps_it() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let before = verify(&filled(&settings, 4));
    repair(settings.path.as_deref().unwrap()).unwrap();
    assert_eq!(verify(&open(&settings)), before);
}
