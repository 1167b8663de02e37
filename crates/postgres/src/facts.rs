//! What a database has to be able to do, apart from its schema.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Text};

use crochet_primitives::StorageError;

use crate::Db;

/// The oldest supported major version.
pub const OLDEST_POSTGRES: i32 = 14;

/// What was found out about a database.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DatabaseFacts {
    /// Its version, 150018 for 15.18.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The encoding of its text.
    #[diesel(sql_type = Text)]
    pub encoding: String,
    /// Whether searching ignores the case of letters outside ASCII. Under the plain C locale it does not.
    #[diesel(sql_type = Bool)]
    pub folds_case: bool,
    /// Whether PostgreSQL's contributed extensions are on the server, as the search needs them.
    #[diesel(sql_type = Bool)]
    pub has_trigrams: bool,
    /// Whom the application works as.
    #[diesel(sql_type = Text)]
    pub role: String,
}

impl DatabaseFacts {
    /// What is wrong with the database, in words for an operator.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.version / 10_000 < OLDEST_POSTGRES {
            problems.push(format!("it is PostgreSQL {}; {OLDEST_POSTGRES} or newer is needed", self.version / 10_000));
        }
        if self.encoding != "UTF8" {
            problems.push(format!("its encoding is {}; create it with ENCODING 'UTF8'", self.encoding));
        }
        if !self.folds_case {
            problems.push(
                "its locale does not know letters outside ASCII, so searches miss them; create it with LC_CTYPE \
                 'C.UTF-8' and TEMPLATE template0"
                    .to_owned(),
            );
        }
        if !self.has_trigrams {
            problems.push(
                "its server lacks the extension pg_trgm: install postgresql-contrib there, of the server's version"
                    .to_owned(),
            );
        }
        problems
    }
}

impl Db {
    /// Finds out what the database can do.
    ///
    /// # Errors
    /// [`StorageError`], when it cannot be asked.
    pub async fn facts(&self) -> Result<DatabaseFacts, StorageError> {
        self.run(|conn| {
            let query = "SELECT current_setting('server_version_num')::int AS version, \
                         current_setting('server_encoding') AS encoding, \
                         'É' ILIKE 'é' AS folds_case, current_user::text AS role, \
                         EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS has_trigrams";
            Ok(diesel::sql_query(query).get_result::<DatabaseFacts>(conn)?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_latin_or_caseless_database_is_not_good_enough() {
        let good = DatabaseFacts {
            version: 150_018,
            encoding: "UTF8".into(),
            folds_case: true,
            has_trigrams: true,
            role: "crochet_app".into(),
        };
        assert!(good.problems().is_empty());
        let bad = DatabaseFacts {
            version: 130_001,
            encoding: "LATIN1".into(),
            folds_case: false,
            has_trigrams: false,
            ..good
        };
        assert_eq!(bad.problems().len(), 4);
    }
}
