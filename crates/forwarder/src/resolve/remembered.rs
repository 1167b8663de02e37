//! Answers that still live.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lookups::Lookups;
use super::{Answer, Look};

/// A burst of connections asks once, whatever the answer says.
const SHORTEST: Duration = Duration::from_secs(1);
/// A seller that moves is found again so soon, whatever the answer says.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// How many names are kept. What a name has more addresses than this is not kept either: both are sellers' to choose.
const MAX_NAMES: usize = 4096;
const MAX_ADDRESSES: usize = 64;

/// Keeps addresses for as long as they live. Nothing is known of whether they are allowed: that is checked anew at each
/// connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Remembered<R> {
    lookups: Lookups<R>,
    answers: Arc<Mutex<HashMap<String, Kept>>>,
}

#[derive(Debug)]
struct Kept {
    addresses: Vec<IpAddr>,
    until: Instant,
}

impl<R> Remembered<R> {
    fn answers(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, name: &str) -> Option<Vec<IpAddr>> {
        let answers = self.answers();
        answers.get(name).filter(|kept| Instant::now() < kept.until).map(|kept| kept.addresses.clone())
    }

    fn keep(&self, name: &str, answer: &Answer) {
        let Some(lives) = answer.lives.filter(|_| answer.addresses.len() <= MAX_ADDRESSES) else { return };
        let now = Instant::now();
        let mut answers = self.answers();
        if answers.len() >= MAX_NAMES {
            answers.retain(|_, kept| now < kept.until);
        }
        if answers.len() >= MAX_NAMES {
            answers.clear();
        }
        let until = now + lives.clamp(SHORTEST, LONGEST);
        answers.insert(name.to_owned(), Kept { addresses: answer.addresses.clone(), until });
    }
}

impl<R: Look + Clone + 'static> Remembered<R> {
    pub(super) async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(addresses) = self.known(name) {
            return Ok(addresses);
        }
        let answer = self.lookups.look(name).await?;
        self.keep(name, &answer);
        Ok(answer.addresses)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use async_trait::async_trait;
    use tokio::time::advance;

    use super::*;

    /// Answers each time with another address, which lives for as many seconds as the name says.
    #[derive(Debug, Clone, Default)]
    struct Moving {
        asked: Arc<AtomicU8>,
    }

    #[async_trait]
    impl Look for Moving {
        async fn look(&self, name: &str) -> io::Result<Answer> {
            let times = self.asked.fetch_add(1, Ordering::SeqCst);
            let (what, seconds) = name.split_once('-').unwrap_or((name, ""));
            match what {
                "unknown" => Err(io::ErrorKind::NotFound.into()),
                "many" => Ok(Answer { addresses: vec![[192, 0, 2, times].into(); 65], lives: Some(LONGEST) }),
                _ => Ok(Answer {
                    addresses: vec![[192, 0, 2, times].into()],
                    lives: seconds.parse().ok().map(Duration::from_secs),
                }),
            }
        }
    }

    fn remembered() -> Remembered<Moving> {
        Remembered::default()
    }

    async fn last(remembered: &Remembered<Moving>, name: &str) -> u8 {
        match remembered.resolve(name).await.unwrap()[0] {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => panic!("nobody said so"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_as_long_as_it_lives_within_bounds() {
        for (name, seconds) in [("a-0", 1), ("a-30", 30), ("a-86400", 300)] {
            let remembered = remembered();
            assert_eq!(last(&remembered, name).await, 0);
            advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert_eq!(last(&remembered, name).await, 0, "{name} still lives");
            advance(Duration::from_millis(1)).await;
            assert_eq!(last(&remembered, name).await, 1, "{name} is asked for again");
        }
    }

    #[tokio::test]
    async fn what_has_no_lifetime_is_no_answer_or_has_too_many_addresses_is_not_kept() {
        let remembered = remembered();
        for name in ["system", "many-1"] {
            assert_ne!(last(&remembered, name).await, last(&remembered, name).await, "{name}");
        }
        for _ in 0..2 {
            let error = remembered.resolve("unknown-60").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        assert_eq!(remembered.lookups.inner.asked.load(Ordering::SeqCst), 6);
        assert!(remembered.answers().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_names_is_bounded_and_those_that_live_no_longer_go_first() {
        let remembered = remembered();
        let answer = |lives| Answer { addresses: vec![[192, 0, 2, 1].into()], lives: Some(Duration::from_secs(lives)) };
        for number in 0..MAX_NAMES - 1 {
            remembered.keep(&format!("short-{number}"), &answer(2));
        }
        remembered.keep("long", &answer(60));
        advance(Duration::from_secs(3)).await;
        remembered.keep("new", &answer(60));
        let mut names: Vec<_> = remembered.answers().keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["long", "new"]);
        for number in 0..2 * MAX_NAMES {
            remembered.keep(&format!("long-{number}"), &answer(60));
            assert!(remembered.answers().len() <= MAX_NAMES);
        }
    }
}
