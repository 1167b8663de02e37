//! Counting, as one script on the server.

use crochet_limits::{Class, Gcra, Standing, Subject, Verdict};
use redis::Script;
use redis::aio::MultiplexedConnection;

use crate::RedisProblem;

/// The counting script, and what its keys begin with.
#[derive(Debug)]
pub(crate) struct Count {
    script: Script,
    prefix: String,
}

impl Count {
    pub(crate) fn new(prefix: String) -> Self {
        Self { script: Script::new(include_str!("count.lua")), prefix }
    }

    /// Counts one request. One round trip; a server that does not know the script yet is told it, which takes three.
    pub(crate) async fn count(
        &self,
        mut connection: MultiplexedConnection,
        (class, subject, gcra): (Class, Subject, Gcra),
    ) -> Result<Standing, RedisProblem> {
        let verdict = self.run(&mut connection, &format!("{class}:{subject}"), gcra).await?;
        Ok(gcra.standing(class, verdict))
    }

    /// Whether counting works: the connection, the right to run scripts, and the right to write.
    pub(crate) async fn probe(&self, connection: &mut MultiplexedConnection, gcra: Gcra) -> Result<(), RedisProblem> {
        self.run(connection, "probe", gcra).await.map(drop)
    }

    async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        name: &str,
        gcra: Gcra,
    ) -> Result<Verdict, RedisProblem> {
        let (is_admitted, owed) = self
            .script
            .key(format!("{}:limit:{name}", self.prefix))
            .arg(gcra.interval_micros())
            .arg(gcra.burst())
            .invoke_async::<(bool, u64)>(connection)
            .await?;
        Ok(Verdict { is_admitted, owed })
    }
}
