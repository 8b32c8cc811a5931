//! Rows on their way: read by the types of the target, and written many at once.

use sqlx::{
    AssertSqlSafe, PgPool, Row as _,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::SqliteRow,
};
use uuid::Uuid;

use super::tables::{Kind, Table};

/// One value, or none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Uuid(Option<Uuid>),
    Int4(Option<i32>),
    Int8(Option<i64>),
    Float8(Option<f64>),
    Bool(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Reads a row by the target's types: the source has fewer.
macro_rules! read {
    ($table:expr, $row:expr) => {{
        let value = |(at, kind)| {
            Ok(match kind {
                Kind::Uuid => Value::Uuid($row.try_get_unchecked(at)?),
                Kind::Int4 => Value::Int4($row.try_get_unchecked(at)?),
                Kind::Int8 => Value::Int8($row.try_get_unchecked(at)?),
                Kind::Float8 => Value::Float8($row.try_get_unchecked(at)?),
                Kind::Bool => Value::Bool($row.try_get_unchecked(at)?),
                Kind::Text => Value::Text($row.try_get_unchecked(at)?),
                Kind::Bytes => Value::Bytes($row.try_get_unchecked(at)?),
            })
        };
        $table.columns.iter().map(|column| column.kind).enumerate().map(value).collect()
    }};
}

pub(super) fn from_sqlite(table: &Table, row: &SqliteRow) -> sqlx::Result<Vec<Value>> {
    read!(table, row)
}

pub(super) fn from_postgres(table: &Table, row: &PgRow) -> sqlx::Result<Vec<Value>> {
    read!(table, row)
}

/// Some rows, column by column.
pub(super) struct Rows {
    columns: Vec<(Kind, Vec<Value>)>,
    count: usize,
}

impl Rows {
    pub(super) fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(|column| (column.kind, Vec::new())).collect();
        Self { columns, count: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn push(&mut self, row: Vec<Value>) {
        self.columns.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
        self.count += 1;
    }
}

/// Writes rows; those that are there stay as they are.
pub(super) async fn insert(to: &PgPool, table: &Table, rows: Rows) -> sqlx::Result<()> {
    if rows.count == 0 {
        return Ok(());
    }
    let parameters: Vec<_> =
        (1..).zip(&table.columns).map(|(n, column)| format!("${n}::{}", column.kind.array())).collect();
    let statement = format!(
        "INSERT INTO \"{}\" ({}) OVERRIDING SYSTEM VALUE SELECT * FROM UNNEST({}) ON CONFLICT DO NOTHING",
        table.name,
        table.names(),
        parameters.join(", ")
    );
    let query = rows.columns.into_iter().fold(sqlx::query(AssertSqlSafe(statement)), bind);
    query.execute(to).await.map(drop)
}

type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

fn bind(query: Statement<'_>, (kind, values): (Kind, Vec<Value>)) -> Statement<'_> {
    macro_rules! all {
        ($kind:ident) => {
            query.bind(
                values
                    .into_iter()
                    .map(|value| match value {
                        Value::$kind(value) => value,
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            )
        };
    }
    match kind {
        Kind::Uuid => all!(Uuid),
        Kind::Int4 => all!(Int4),
        Kind::Int8 => all!(Int8),
        Kind::Float8 => all!(Float8),
        Kind::Bool => all!(Bool),
        Kind::Text => all!(Text),
        Kind::Bytes => all!(Bytes),
    }
}
