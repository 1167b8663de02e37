//! Many rows in one prepared statement: rows that are named column by column, as arrays, need a text that is the same
//! however many there are.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// Many rows of one table, column by column.
pub(crate) trait Rows: 'static {
    const TABLE: &'static str;
    /// The columns that say which row it is.
    const KEY: &'static [&'static str];
    const OTHERS: &'static [&'static str];
    /// What is asked of a row, as `kept`, that is updated.
    const GUARD: Option<&'static str> = None;

    fn is_empty(&self) -> bool;

    /// The columns as arrays, the key's first, each followed by a comma but the last.
    fn push_arrays<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

/// A row's type, and the type of many of them: the key's columns stand before the semicolon. A row that is there already
/// is updated only where it is as `where` says.
macro_rules! rows {
    (
        $(#[$meta:meta])*
        $vis:vis struct $Row:ident, many $Many:ident in $table:literal $(where $guard:literal)? {
            $first:ident: $first_type:ty => $first_sql:ty $(, $key:ident: $key_type:ty => $key_sql:ty)* ;
            $($field:ident: $type:ty => $sql:ty),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $Row {
            pub(super) $first: $first_type,
            $(pub(super) $key: $key_type,)*
            $(pub(super) $field: $type,)+
        }

        /// Many of them, column by column.
        #[derive(Debug, Default)]
        $vis struct $Many {
            $first: Vec<$first_type>,
            $($key: Vec<$key_type>,)*
            $($field: Vec<$type>,)+
        }

        impl $Many {
            $vis fn push(&mut self, row: $Row) {
                self.$first.push(row.$first);
                $(self.$key.push(row.$key);)*
                $(self.$field.push(row.$field);)+
            }
        }

        impl $crate::sets::Rows for $Many {
            const TABLE: &'static str = $table;
            const KEY: &'static [&'static str] = &[stringify!($first) $(, stringify!($key))*];
            const OTHERS: &'static [&'static str] = &[$(stringify!($field)),+];
            $(const GUARD: Option<&'static str> = Some($guard);)?

            fn is_empty(&self) -> bool {
                self.$first.is_empty()
            }

            fn push_arrays<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_bind_param::<diesel::sql_types::Array<$first_sql>, _>(&self.$first)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<diesel::sql_types::Array<$key_sql>, _>(&self.$key)?;
                )*
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<diesel::sql_types::Array<$sql>, _>(&self.$field)?;
                )+
                Ok(())
            }
        }
    };
}
pub(crate) use rows;

fn push_names(out: &mut AstPass<'_, '_, Pg>, before_each: &str, names: &[&str]) {
    for (place, name) in names.iter().enumerate() {
        out.push_sql(if place == 0 { "" } else { ", " });
        out.push_sql(before_each);
        out.push_sql(name);
    }
}

fn push_insert<'b, R: Rows>(rows: &'b R, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    out.push_sql("INSERT INTO ");
    out.push_sql(R::TABLE);
    out.push_sql(" (");
    push_names(out, "", R::KEY);
    out.push_sql(", ");
    push_names(out, "", R::OTHERS);
    out.push_sql(") SELECT * FROM unnest(");
    rows.push_arrays(out.reborrow())?;
    out.push_sql(")");
    Ok(())
}

/// Inserts all of them, or none.
#[derive(Debug)]
pub(crate) struct Insert<R>(pub(crate) R);

impl<R: Rows> QueryFragment<Pg> for Insert<R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_insert(&self.0, &mut out)
    }
}

impl<R: Rows> QueryId for Insert<R> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R> RunQueryDsl<PgConnection> for Insert<R> {}

/// Inserts those that no unique constraint stands against; answers the first `N` columns of their keys, as a `T` each.
#[derive(Debug)]
pub(crate) struct InsertNew<R, T, const N: usize>(R, PhantomData<T>);

impl<R, T, const N: usize> InsertNew<R, T, N> {
    pub(crate) fn of(rows: R) -> Self {
        Self(rows, PhantomData)
    }
}

impl<R: Rows, T, const N: usize> QueryFragment<Pg> for InsertNew<R, T, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_insert(&self.0, &mut out)?;
        out.push_sql(" ON CONFLICT DO NOTHING RETURNING ");
        push_names(&mut out, "", R::KEY.get(..N).unwrap_or(R::KEY));
        Ok(())
    }
}

impl<R: Rows, T: 'static, const N: usize> QueryId for InsertNew<R, T, N> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R, T, const N: usize> Query for InsertNew<R, T, N> {
    type SqlType = T;
}

impl<R, T, const N: usize> RunQueryDsl<PgConnection> for InsertNew<R, T, N> {}

/// Inserts rows of two tables by one statement, and leaves out what is there already: a transaction of its own without
/// BEGIN and COMMIT.
#[derive(Debug)]
pub(crate) struct InsertBoth<R, S>(pub(crate) R, pub(crate) S);

impl<R: Rows, S: Rows> QueryFragment<Pg> for InsertBoth<R, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH first AS (");
        push_insert(&self.0, &mut out)?;
        out.push_sql(" ON CONFLICT DO NOTHING) ");
        push_insert(&self.1, &mut out)?;
        out.push_sql(" ON CONFLICT DO NOTHING");
        Ok(())
    }
}

impl<R: Rows, S: Rows> QueryId for InsertBoth<R, S> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R, S> RunQueryDsl<PgConnection> for InsertBoth<R, S> {}

/// Inserts those that there are not, and sets all other columns of those that there are.
#[derive(Debug)]
pub(crate) struct Upsert<R>(pub(crate) R);

impl<R: Rows> QueryFragment<Pg> for Upsert<R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_insert(&self.0, &mut out)?;
        out.push_sql(" ON CONFLICT (");
        push_names(&mut out, "", R::KEY);
        out.push_sql(") DO UPDATE SET (");
        push_names(&mut out, "", R::OTHERS);
        out.push_sql(") = ROW (");
        push_names(&mut out, "excluded.", R::OTHERS);
        out.push_sql(")");
        Ok(())
    }
}

impl<R: Rows> QueryId for Upsert<R> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R> RunQueryDsl<PgConnection> for Upsert<R> {}

/// Sets all other columns of the rows with these keys.
#[derive(Debug)]
pub(crate) struct Update<R>(pub(crate) R);

impl<R: Rows> QueryFragment<Pg> for Update<R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        out.push_sql(R::TABLE);
        out.push_sql(" AS kept SET ");
        for (place, name) in R::OTHERS.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            out.push_sql(name);
            out.push_sql(" = become.");
            out.push_sql(name);
        }
        out.push_sql(" FROM unnest(");
        self.0.push_arrays(out.reborrow())?;
        out.push_sql(") AS become (");
        push_names(&mut out, "", R::KEY);
        out.push_sql(", ");
        push_names(&mut out, "", R::OTHERS);
        out.push_sql(") WHERE ");
        for (place, name) in R::KEY.iter().enumerate() {
            out.push_sql(if place == 0 { "kept." } else { " AND kept." });
            out.push_sql(name);
            out.push_sql(" = become.");
            out.push_sql(name);
        }
        if let Some(guard) = R::GUARD {
            out.push_sql(" AND (");
            out.push_sql(guard);
            out.push_sql(")");
        }
        Ok(())
    }
}

impl<R: Rows> QueryId for Update<R> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R> RunQueryDsl<PgConnection> for Update<R> {}
