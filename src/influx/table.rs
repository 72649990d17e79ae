//! Annotated CSV, in which the server answers.

use crate::reading::Timestamp;
use csv::StringRecord;
use std::str::FromStr;

/// A row of an answer, with the names of its columns.
#[derive(Debug)]
pub(super) struct Row<'a> {
    names: &'a StringRecord,
    cells: &'a StringRecord,
}

/// The rows of an answer.
#[derive(Debug)]
pub(super) struct Rows;

impl Rows {
    /// Shows the rows of all tables.
    ///
    /// # Errors
    /// When it is no annotated CSV, the server says in it that it failed, or `show` fails.
    pub(super) fn read(
        bytes: &[u8],
        show: &mut dyn FnMut(&Row<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let (mut names, mut cells) = (StringRecord::new(), StringRecord::new());
        let mut begins = true;
        while reader.read_record(&mut cells).map_err(|error| error.to_string())? {
            // Annotations stand before the names of the columns that they are of.
            if cells.get(0).is_some_and(|first| first.starts_with('#')) {
                begins = true;
            } else if begins {
                names = cells.clone();
                begins = false;
            } else {
                let row = Row { names: &names, cells: &cells };
                if let Some(words) = row.text("error").filter(|_| row.text("table").is_none()) {
                    return Err(words.to_owned());
                }
                if row.names.len() != row.cells.len() {
                    return Err("the server answered what is no annotated CSV".into());
                }
                show(&row)?;
            }
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    /// The names of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'a str> {
        self.names.iter()
    }

    /// A cell; `None` if there is no such column.
    pub(super) fn text(&self, column: &str) -> Option<&'a str> {
        let ix = self.names.iter().position(|name| name == column)?;
        self.cells.get(ix)
    }

    /// A number; `None` if there is none.
    pub(super) fn number(&self, column: &str) -> Result<Option<f64>, String> {
        self.parsed(column)
    }

    /// A whole number; `None` if there is none.
    pub(super) fn whole<T: FromStr>(&self, column: &str) -> Result<Option<T>, String> {
        self.parsed(column)
    }

    /// A time; `None` if there is none.
    pub(super) fn time(&self, column: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(column).filter(|text| !text.is_empty()) else { return Ok(None) };
        Timestamp::parse_rfc3339(text).map(Some).map_err(|error| error.to_string())
    }

    fn parsed<T: FromStr>(&self, column: &str) -> Result<Option<T>, String> {
        let Some(text) = self.text(column).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| format!("`{text}` in column `{column}` is not what it should be"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let mut rows = Vec::new();
        Rows::read(text.as_bytes(), &mut |row| {
            let value = row.number("value")?;
            rows.push(format!("{:?} {value:?} {:?}", row.time("_time")?, row.text("text")));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn tables_of_other_columns_follow_each_other() {
        let text = "#datatype,string,long,dateTime:RFC3339,double\r\n#group,false,false,false,false\r\n\
                    #default,_result,,,\r\n,result,table,_time,value\r\n\
                    ,,0,1970-01-01T00:00:00.5Z,-1.5\r\n,,0,1970-01-01T00:00:01Z,\r\n\r\n\
                    #datatype,string,long,dateTime:RFC3339,string\r\n#group,false,false,false,false\r\n\
                    #default,_result,,,\r\n,result,table,_time,text\r\n\
                    ,,1,1970-01-01T00:00:02Z,\"#a, \"\"b\"\"\n#c\"\r\n\r\n";
        let rows = read(text).unwrap();
        assert_eq!(
            rows,
            [
                "Some(1970-01-01T00:00:00.5Z) Some(-1.5) None",
                "Some(1970-01-01T00:00:01Z) None None",
                "Some(1970-01-01T00:00:02Z) None Some(\"#a, \\\"b\\\"\\n#c\")",
            ]
        );
        assert_eq!(read("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn failure_within_an_answer_is_one() {
        let text = "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n\
                    ,engine: something broke,897\r\n";
        assert_eq!(read(text).unwrap_err(), "engine: something broke");
        let cut = "#datatype,string,long,dateTime:RFC3339,double\r\n,result,table,_time,value\r\n,,0,1970\r\n";
        assert_eq!(read(cut).unwrap_err(), "the server answered what is no annotated CSV");
        let odd = cut.replace("1970", "1970-01-01T00:00:00Z,x");
        assert!(read(&odd).unwrap_err().starts_with("`x` in column `value`"));
    }
}
