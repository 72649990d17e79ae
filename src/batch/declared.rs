//! What events name, held against what the plant declares.

use super::book::Change;
use crate::plant::{Grade, Grades, convert, nearest};
use std::sync::Arc;

/// A grade that the plant does not declare is said: nothing made of it can be judged.
pub(super) fn check_grade(grade: &Arc<str>, who: &str, grades: &Grades, out: &mut Vec<Change>) {
    if grades.is_empty() || grades.contains(grade) {
        return;
    }
    let meant = nearest(grade, grades.names().map(|name| &**name))
        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    out.push(Change::Refused(format!(
        "{who} grade `{grade}`, which is not declared: it has no limits, so nothing of it is called \
         on spec{meant}"
    )));
}

/// Brings a laboratory result into the unit of its limits.
pub(super) fn in_unit_of_limits(
    id: &str,
    property: &str,
    (value, unit): (&mut f64, Option<&str>),
    grade: &Grade,
) -> Result<(), String> {
    let (Some(unit), Some(limit)) = (unit, grade.lab.get(property)) else { return Ok(()) };
    if limit.unit.is_empty() {
        return Ok(());
    }
    *value = convert(*value, unit, &limit.unit).ok_or_else(|| {
        format!(
            "the result {value} `{unit}` of `{property}` for batch `{id}` cannot be compared with its \
             limits in `{}`: give it in that unit",
            limit.unit
        )
    })?;
    Ok(())
}
