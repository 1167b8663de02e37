//! Statements whose conditions depend on what is asked for. Values are always bound, never written into the text.

use crochet_primitives::Timestamp;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

/// A value to be bound.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Id(Uuid),
    Ids(Vec<Uuid>),
    Number(i64),
    Text(String),
    Texts(Vec<String>),
    Time(Timestamp),
}

impl Value {
    /// A number of rows.
    pub(super) fn rows(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// SQL with `$1`, `$2`, …, and their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    pub(super) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    pub(super) fn sql(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self
    }

    pub(super) fn bind(mut self, value: Value) -> Self {
        self.values.push(value);
        self.sql.push_str(&format!("${}", self.values.len()));
        self
    }

    /// Text and values of another one, whose numbers go on from here.
    pub(super) fn then(mut self, part: &Part) -> Self {
        for piece in &part.0 {
            self = match piece {
                Piece::Sql(sql) => self.sql(sql),
                Piece::Value(value) => self.bind(value.clone()),
            };
        }
        self
    }

    /// Not kept as a prepared statement: its plan is made for its values, since a word that everybody uses and one that
    /// nobody uses are not found in the same way.
    pub(super) fn load<T: diesel::deserialize::FromSqlRow<diesel::sql_types::Untyped, Pg> + 'static>(
        self,
        conn: &mut PgConnection,
    ) -> QueryResult<Vec<T>> {
        let query: BoxedSqlQuery<'_, Pg, SqlQuery> = diesel::sql_query(self.sql).into_boxed();
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Id(id) => query.bind::<SqlUuid, _>(id),
                Value::Ids(ids) => query.bind::<Array<SqlUuid>, _>(ids),
                Value::Number(number) => query.bind::<BigInt, _>(number),
                Value::Text(text) => query.bind::<Text, _>(text),
                Value::Texts(texts) => query.bind::<Array<Text>, _>(texts),
                Value::Time(time) => query.bind::<Timestamptz, _>(time),
            })
            .load(conn)
    }
}

/// How many rows there are; one more than `cap` when there are more.
pub(super) fn count(conn: &mut PgConnection, rows: &Part, cap: usize) -> QueryResult<usize> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counted: Vec<Row> = Statement::new("SELECT count(*) FROM (")
        .then(rows)
        .sql(" LIMIT ")
        .bind(Value::rows(cap.saturating_add(1)))
        .sql(") counted")
        .load(conn)?;
    Ok(counted.first().map_or(0, |row| usize::try_from(row.count).unwrap_or_default()))
}

/// A part of a statement that is used in several places.
#[derive(Debug, Clone, Default)]
pub(super) struct Part(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Sql(String),
    Value(Value),
}

impl Part {
    pub(super) fn sql(mut self, sql: &str) -> Self {
        self.0.push(Piece::Sql(sql.to_owned()));
        self
    }

    pub(super) fn bind(mut self, value: Value) -> Self {
        self.0.push(Piece::Value(value));
        self
    }

    pub(super) fn then(mut self, part: &Self) -> Self {
        self.0.extend(part.0.iter().cloned());
        self
    }
}
