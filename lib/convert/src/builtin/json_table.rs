//! JSON as tables: a list of objects or of lists, or an object whose members are such lists.

use serde_json::Value as Json;

use crate::Error;

use super::workbook::{Cell, Sheet, Value, Workbook};

/// Reads a JSON text as one sheet, or as a sheet per member of its outer object.
///
/// # Errors
/// `Corrupt` when it is no JSON, or JSON that is no table.
pub(super) fn read(text: &str) -> Result<Workbook, Error> {
    let json: Json = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Error::corrupt(format!("it is no JSON ({error})")))?;
    let sheets = match json {
        Json::Array(rows) => vec![sheet(String::new(), &rows)],
        Json::Object(members) if members.values().all(Json::is_array) && !members.is_empty() => {
            let rows = |value: &Json| value.as_array().cloned().unwrap_or_default();
            members.iter().map(|(name, value)| sheet(name.clone(), &rows(value))).collect()
        }
        row @ Json::Object(_) => vec![sheet(String::new(), &[row])],
        _ => return Err(Error::corrupt("a single JSON value is no table; a list of objects or of lists is")),
    };
    Ok(Workbook { sheets, ..Workbook::default() })
}

fn sheet(name: String, rows: &[Json]) -> Sheet {
    let mut names: Vec<String> = Vec::new();
    for row in rows.iter().filter_map(Json::as_object) {
        for name in row.keys() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    let mut table = Vec::with_capacity(rows.len() + 1);
    if !names.is_empty() {
        table.push(names.iter().map(|name| cell(&Json::from(name.as_str()))).collect());
    }
    for row in rows {
        table.push(match row {
            Json::Object(members) => {
                names.iter().map(|name| members.get(name).map_or_else(Cell::default, cell)).collect()
            }
            Json::Array(values) => values.iter().map(cell).collect(),
            single => vec![cell(single)],
        });
    }
    Sheet { name, rows: table, bare: true, ..Sheet::default() }
}

fn cell(json: &Json) -> Cell {
    let value = match json {
        Json::Null => Value::Empty,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::Text(text.clone()),
        // Numbers too long for a double keep their digits as text.
        Json::Number(number) => match number.as_f64() {
            Some(value) if value.to_string() == number.to_string() || number.is_f64() => Value::Number(value),
            _ => Value::Text(number.to_string()),
        },
        // What is nested stays JSON, in one cell.
        nested => Value::Text(nested.to_string()),
    };
    Cell { value, ..Cell::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_rows_under_all_their_names() {
        let book = read(r#"[{"a":1,"b":"x"},{"b":null,"c":[1]}]"#).unwrap();
        let shown: Vec<Vec<String>> = book.sheets[0]
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.shown().into_owned()).collect())
            .collect();
        assert_eq!(shown, [["a", "b", "c"], ["1", "x", ""], ["", "", "[1]"]]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert_eq!(read("3").unwrap_err().code(), "corrupt");
        assert_eq!(read("{").unwrap_err().code(), "corrupt");
    }
}
