//! The contract of the port, on a real server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_limits::Limiter;
use crochet_limits::contract::Bench;
use crochet_redis::SharedLimits;
use crochet_redis::testing::TestRedis;
use redis::AsyncCommands;

use crate::support::{connection, shared};

struct OnRedis {
    limiter: Arc<SharedLimits>,
    redis: TestRedis,
}

#[async_trait]
impl Bench for OnRedis {
    fn limiter(&self) -> Arc<dyn Limiter> {
        self.limiter.clone()
    }

    /// The server's clock cannot be moved, so all that is kept is moved back instead.
    async fn advance(&self, by: Duration) {
        let mut connection = connection(&self.redis.config("contract")).await;
        let keys: Vec<String> = connection.keys("contract:limit:*").await.unwrap();
        for key in keys {
            let micros = i64::try_from(by.as_micros()).unwrap();
            let _: i64 = connection.decr(key, micros).await.unwrap();
        }
    }
}

async fn on_redis() -> Option<OnRedis> {
    let redis = TestRedis::start().await?;
    let limiter = Arc::new(shared(&redis.config("contract")).await);
    Some(OnRedis { limiter, redis })
}

crochet_limits::limiter_contract!(on_redis().await);
