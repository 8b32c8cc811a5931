//! The tables of a schema: their columns, keys, and an order in which nothing refers to what is not there yet.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgPool;

use super::MoveError;

/// What both engines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Int4,
    Int8,
    Float8,
    Bool,
    Text,
    Bytes,
}

impl Kind {
    /// By PostgreSQL's name of it.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "float8" => Self::Float8,
            "bool" => Self::Bool,
            "text" => Self::Text,
            "bytea" => Self::Bytes,
            _ => return None,
        })
    }

    /// The type of a parameter that holds many.
    pub(super) fn array(self) -> &'static str {
        match self {
            Self::Uuid => "uuid[]",
            Self::Int4 => "int4[]",
            Self::Int8 => "int8[]",
            Self::Float8 => "float8[]",
            Self::Bool => "bool[]",
            Self::Text => "text[]",
            Self::Bytes => "bytea[]",
        }
    }
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether the database numbers its rows.
    pub(super) is_identity: bool,
}

/// A table that is moved.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    key: Vec<String>,
}

impl Table {
    /// The names of its columns, for a statement.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        names.join(", ")
    }

    /// Every row, in the order of the key.
    pub(super) fn select_from_sqlite(&self) -> String {
        self.select(|name| format!("\"{name}\""))
    }

    /// The same order on the other side: by bytes, not as people sort words.
    pub(super) fn select_from_postgres(&self) -> String {
        self.select(|name| {
            match self.columns.iter().any(|column| column.name == name && column.kind == Kind::Text) {
                true => format!("\"{name}\" COLLATE \"C\""),
                false => format!("\"{name}\""),
            }
        })
    }

    fn select(&self, ordered: impl Fn(&str) -> String) -> String {
        let order: Vec<_> = self.key.iter().map(|name| ordered(name)).collect();
        format!("SELECT {} FROM \"{}\" ORDER BY {}", self.names(), self.name, order.join(", "))
    }
}

/// The tables of the connection's schema, those first that others refer to. One that cannot be moved is refused, and never
/// left behind without a word.
pub(super) async fn tables(to: &PgPool, except: &[&str]) -> Result<Vec<Table>, MoveError> {
    let found: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT tables.table_name::text, column_name::text, udt_name::text, is_identity = 'YES'
         FROM information_schema.tables JOIN information_schema.columns USING (table_schema, table_name)
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
         ORDER BY tables.table_name, ordinal_position",
    )
    .fetch_all(to)
    .await?;
    let is_ours = |name: &str| !["_sqlx_migrations", "moved"].contains(&name) && !except.contains(&name);
    let mut columns = BTreeMap::<String, Vec<Column>>::new();
    for (table, name, kind, is_identity) in found.into_iter().filter(|(table, ..)| is_ours(table)) {
        let Some(kind) = Kind::named(&kind) else {
            return Err(MoveError::Foreign {
                table,
                what: format!("its column `{name}` is of the type {kind}"),
            });
        };
        columns.entry(table).or_default().push(Column { name, kind, is_identity });
    }
    let mut keys = keys(to).await?;
    let tables = columns.into_iter().map(|(name, columns)| match keys.remove(&name) {
        Some(key) => Ok(Table { name, columns, key }),
        None => Err(MoveError::Foreign { table: name, what: "it has no primary key".to_owned() }),
    });
    let tables = tables.collect::<Result<_, _>>()?;
    Ok(ordered(tables, &references(to).await?))
}

/// The columns of each primary key.
async fn keys(to: &PgPool) -> sqlx::Result<BTreeMap<String, Vec<String>>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT used.table_name::text, used.column_name::text
         FROM information_schema.table_constraints AS made
         JOIN information_schema.key_column_usage AS used USING (constraint_schema, constraint_name)
         WHERE constraint_schema = current_schema() AND constraint_type = 'PRIMARY KEY'
         ORDER BY used.table_name, used.ordinal_position",
    )
    .fetch_all(to)
    .await?;
    let mut keys = BTreeMap::<String, Vec<String>>::new();
    for (table, column) in found {
        keys.entry(table).or_default().push(column);
    }
    Ok(keys)
}

/// Who refers to whom.
async fn references(to: &PgPool) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as(
        "SELECT one.relname::text, other.relname::text FROM pg_constraint AS made
         JOIN pg_class AS one ON one.oid = made.conrelid JOIN pg_class AS other ON other.oid = made.confrelid
         WHERE made.contype = 'f' AND made.connamespace = current_schema()::regnamespace AND one.oid <> other.oid",
    )
    .fetch_all(to)
    .await
}

fn ordered(mut waiting: Vec<Table>, references: &[(String, String)]) -> Vec<Table> {
    let (mut ordered, mut there) = (Vec::new(), BTreeSet::new());
    while !waiting.is_empty() {
        let names: BTreeSet<_> = waiting.iter().map(|table| table.name.clone()).collect();
        let is_free = |table: &Table| {
            !references
                .iter()
                .any(|(one, other)| *one == table.name && names.contains(other) && !there.contains(other))
        };
        let (free, bound): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_free);
        if free.is_empty() {
            // A circle: then the database says what is missing.
            ordered.extend(bound);
            break;
        }
        there.extend(free.iter().map(|table| table.name.clone()));
        ordered.extend(free);
        waiting = bound;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_referred_to_comes_first() {
        let table = |name: &str| Table { name: name.into(), columns: Vec::new(), key: Vec::new() };
        let refers = |one: &str, other: &str| (one.to_owned(), other.to_owned());

        let tables = ordered(
            vec![table("a"), table("b"), table("c")],
            &[refers("a", "b"), refers("b", "c"), refers("c", "elsewhere")],
        );

        assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    }
}
