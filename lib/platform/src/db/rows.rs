//! Many rows in one statement of SQLite, whose text is the same however many they are: it is prepared once.

/// An `INSERT` of up to [`Rows::MOST`] rows. Values are bound row after row; rows that are not bound are none.
pub struct Rows {
    few: String,
    most: String,
}

impl Rows {
    /// Rows of one statement at most: measured, more of them are no faster.
    pub const MOST: usize = 128;
    /// Up to so many take the short statement: to leave a row out costs a little as well.
    const FEW: usize = 8;

    /// `into` is a table with its columns in parentheses, `columns` how many these are; the first one is never null.
    /// `then` follows: what to do on a conflict, or nothing.
    pub fn of(into: &str, columns: usize, then: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let insert = |rows| {
            let values = vec![row.as_str(); rows].join(",");
            format!("INSERT INTO {into} SELECT * FROM (VALUES {values}) WHERE column1 IS NOT NULL {then}")
        };
        Self { few: insert(Self::FEW), most: insert(Self::MOST) }
    }

    /// The statement for so many rows.
    pub fn text(&self, rows: usize) -> &str {
        if Self::are_few(rows) { &self.few } else { &self.most }
    }

    /// Whether the short statement is enough for so many rows.
    pub fn are_few(rows: usize) -> bool {
        rows <= Self::FEW
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, raw_sql};

    use super::*;

    #[tokio::test]
    async fn what_is_bound_is_inserted_and_nothing_else() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        raw_sql("CREATE TABLE names (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL) STRICT")
            .execute(&mut connection)
            .await
            .unwrap();
        let rows = Rows::of("names (id, name)", 2, "ON CONFLICT DO NOTHING");

        let mut next = 0_i64;
        for count in [1, Rows::FEW, Rows::FEW + 1, Rows::MOST - 1, Rows::MOST] {
            let mut insert = sqlx::query(AssertSqlSafe(rows.text(count).to_owned()));
            for id in next..next + count as i64 {
                insert = insert.bind(id).bind(id.to_string());
            }
            let inserted = insert.execute(&mut connection).await.unwrap().rows_affected();
            assert_eq!(inserted, count as u64);
            next += count as i64;
        }
        let again = sqlx::query(AssertSqlSafe(rows.text(1).to_owned())).bind(0).bind("other");
        assert_eq!(again.execute(&mut connection).await.unwrap().rows_affected(), 0);

        let all = "SELECT count(*), min(id), max(id), sum(id = CAST(name AS INTEGER)) FROM names";
        let found: (i64, i64, i64, i64) = sqlx::query_as(all).fetch_one(&mut connection).await.unwrap();
        assert_eq!(found, (next, 0, next - 1, next));
    }
}
