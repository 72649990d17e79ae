//! `onspec store check` and `onspec store backup`: everything in the file, compared and copied.

use super::audit::AuditChain;
use super::codec::Seal;
use super::error::StoreError;
use super::reader::{Reader, unpack};
use super::sealed::{SEALED, Sealed};
use std::path::Path;

/// What cannot be read because it is damaged is what was asked for; any other error is one.
fn note(outcome: Result<(), StoreError>, damage: &mut Vec<String>) -> Result<(), StoreError> {
    match outcome {
        Err(StoreError::Damaged { reason, .. }) => {
            damage.push(reason);
            Ok(())
        }
        other => other,
    }
}

/// Rows looked at in one read, so that the writer's log can be copied in between.
const ROWS: i64 = 256;

impl Reader {
    /// Compares everything with its checksums and counters, and says what does not fit; empty if
    /// all is well. Reads the whole file.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut damage = Vec::new();
        let said = self.rows("check the file", "PRAGMA integrity_check", (), |row| {
            let said: String = self.get(row, 0)?;
            damage.extend(Some(said).filter(|said| said != "ok"));
            Ok(())
        });
        note(said.map(|_| ()), &mut damage)?;
        for sealed in SEALED {
            let checked = self.check_table(sealed, &mut damage);
            note(checked, &mut damage)?;
        }
        for chunk in self.journal_after(0) {
            match chunk {
                Err(StoreError::Damaged { reason, .. }) if !damage.contains(&reason) => {
                    damage.push(reason);
                }
                Ok(_) | Err(StoreError::Damaged { .. } | StoreError::Pruned { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        let counted = self.check_counters(&mut damage);
        note(counted, &mut damage)?;
        match self.verify_audit() {
            Ok(AuditChain { broken: Some((id, what)), .. }) => {
                damage.push(format!("table `audit`, number {id}: {what}"));
            }
            Ok(_) => {}
            Err(error) => note(Err(error), &mut damage)?,
        }
        Ok(damage)
    }

    fn check_table(&self, sealed: &Sealed, damage: &mut Vec<String>) -> Result<(), StoreError> {
        let Sealed { table, id, text, fields } = sealed;
        let width = fields.len();
        let columns: [&[&str]; 3] = [&[id, text], fields, &["checksum", "body"]];
        let covered = columns.concat().join(", ");
        let sql = format!(
            "SELECT {covered} FROM {table} WHERE {id} > ?1
             ORDER BY {id} LIMIT {ROWS}"
        );
        let mut after = i64::MIN;
        loop {
            let rows = self.rows("check a table", &sql, [after], |row| {
                let id: i64 = self.get(row, 0)?;
                let text: String = self.get(row, 1)?;
                let fields = (2..2 + width).map(|column| self.get(row, column));
                let fields: Vec<i64> = fields.collect::<Result<_, _>>()?;
                let seal = Seal { fields: &fields, text: &text };
                match unpack(&self.db, table, id, row, 2 + width, &seal) {
                    Ok(_) => Ok((id, None)),
                    Err(StoreError::Damaged { reason, .. }) => Ok((id, Some(reason))),
                    Err(other) => Err(other),
                }
            })?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = *last;
            damage.extend(rows.into_iter().filter_map(|(_, reason)| reason));
        }
    }

    fn check_counters(&self, damage: &mut Vec<String>) -> Result<(), StoreError> {
        let sql = "
            SELECT name, items, count, bytes, found.n, found.c, found.b FROM outboxes LEFT JOIN (
                SELECT box, count(*) AS n, sum(count) AS c, sum(length(body)) AS b
                FROM outbox GROUP BY box) AS found ON found.box = outboxes.id ORDER BY name";
        let rows = self.rows("check the counters", sql, (), |row| {
            let said: [i64; 3] = [self.get(row, 1)?, self.get(row, 2)?, self.get(row, 3)?];
            let mut found = [0_i64; 3];
            for (column, value) in found.iter_mut().enumerate() {
                *value = self.get::<Option<i64>>(row, 4 + column)?.unwrap_or(0);
            }
            Ok((self.get::<String>(row, 0)?, said, found))
        })?;
        for (name, said, found) in rows {
            if said != found {
                damage.push(format!(
                    "table `outboxes` says (entries, lines, bytes) {said:?} of `{name}`, table \
                     `outbox` has {found:?}"
                ));
            }
        }
        Ok(())
    }

    /// Copies the store, as of the last commit, into a new file. The store may be in use.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_string_lossy();
        let conn = self.db.lock();
        let copied = conn.execute("VACUUM INTO ?1", [&*to]);
        copied.map(|_| ()).map_err(|source| self.db.failed("copy everything", source))
    }
}
