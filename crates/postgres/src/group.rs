//! Group commit: what many callers want at the same time is done in one transaction.
//!
//! Nobody waits for company. While enough is under way, what else is wanted gathers, and is the next group.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use crochet_primitives::StorageError;
use diesel::prelude::*;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::Db;
use crate::error::DbError;

/// How many are done together at most.
const MOST_TOGETHER: usize = 128;
/// How many wait for their group at most; who comes then is told [`StorageError::Busy`].
const MOST_WAITING: usize = 4096;
/// How many groups are under way at once: while one waits for its COMMIT, the next is written.
const AT_ONCE: usize = 2;
/// How many as long as there is little in them. A statement costs as much as some of its rows, so under load few large
/// groups are cheaper than many small ones; below it nobody waits for another's COMMIT.
const SMALL_AT_ONCE: usize = 4;
/// So much in all groups under way is little.
const LITTLE: usize = 8;

/// What one caller wants.
#[derive(Debug)]
pub(crate) struct Wanted<W, A> {
    what: W,
    waiting: Waiting<A>,
}

/// What is wanted, and those who want it: the work needs the one on another thread.
pub(crate) fn parted<W, A>(group: Vec<Wanted<W, A>>) -> (Vec<W>, Vec<Waiting<A>>) {
    group.into_iter().map(|wanted| (wanted.what, wanted.waiting)).unzip()
}

/// Tells everybody the same error.
pub(crate) fn fail<A>(waiting: Vec<Waiting<A>>, error: &StorageError) {
    for one in waiting {
        one.answer(Err(error.clone()));
    }
}

/// A caller who waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting<A> {
    since: Instant,
    answer: oneshot::Sender<Result<A, StorageError>>,
}

impl<A> Waiting<A> {
    /// Tells the caller, unless it has gone away.
    pub(crate) fn answer(self, answer: Result<A, StorageError>) {
        drop(self.answer.send(answer));
    }
}

/// How a group is done.
#[async_trait]
pub(crate) trait Together: Send + Sync + 'static {
    type What: Send + 'static;
    type Answer: Send + 'static;

    /// Does what is wanted, and answers each once it is durable.
    async fn run(&self, db: &Db, group: Vec<Wanted<Self::What, Self::Answer>>);

    /// What two of one group may not share: of those that do, all but the first wait for another group.
    fn is_apart(&self, _one: &Self::What, _other: &Self::What) -> bool {
        true
    }
}

/// A group by one piece of work for all of it.
pub(crate) trait AllAtOnce: Clone + Send + Sync + 'static {
    type What: Clone + Send + 'static;
    type Answer: Send + 'static;
    /// Whether it is one transaction, or reads and needs none.
    const IS_TRANSACTION: bool;

    /// Does all of it, or nothing; answers in the same order.
    fn all(&self, conn: &mut PgConnection, what: &[Self::What]) -> Result<Vec<Self::Answer>, DbError>;

    /// See [`Together::is_apart`].
    fn is_apart(_one: &Self::What, _other: &Self::What) -> bool {
        true
    }

    /// Does it on a connection.
    fn done(
        self,
        db: &Db,
        what: Vec<Self::What>,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, StorageError>> + Send {
        async move {
            match Self::IS_TRANSACTION {
                true => db.transaction(move |conn| self.all(conn, &what)).await,
                false => db.read(move |conn| self.all(conn, &what)).await,
            }
        }
    }
}

#[async_trait]
impl<T: AllAtOnce> Together for T {
    type What = T::What;
    type Answer = T::Answer;

    fn is_apart(&self, one: &T::What, other: &T::What) -> bool {
        T::is_apart(one, other)
    }

    async fn run(&self, db: &Db, group: Vec<Wanted<T::What, T::Answer>>) {
        let (what, waiting) = parted(group);
        match self.clone().done(db, what.clone()).await {
            Ok(answers) => waiting.into_iter().zip(answers).for_each(|(one, answer)| one.answer(Ok(answer))),
            // One of them cannot be done: that is no reason not to do the others.
            Err(StorageError::Corrupt(_)) if what.len() > 1 => {
                for (what, one) in what.into_iter().zip(waiting) {
                    let alone = self.clone().done(db, vec![what]).await;
                    one.answer(alone.and_then(|mut answers| {
                        answers.pop().ok_or_else(|| StorageError::Unavailable("there is no answer".to_owned()))
                    }));
                }
            }
            Err(error) => fail(waiting, &error),
        }
    }
}

/// A queue of what is wanted, in groups. Cheap to clone.
pub(crate) struct Group<T: Together>(Arc<Shared<T>>);

struct Shared<T: Together> {
    db: Db,
    together: T,
    queue: Mutex<Queue<T>>,
}

struct Queue<T: Together> {
    waiting: VecDeque<Wanted<T::What, T::Answer>>,
    /// Groups.
    under_way: usize,
    /// What is in them.
    in_hand: usize,
}

impl<T: Together> Queue<T> {
    /// How many groups may be under way.
    const fn most(&self) -> usize {
        if self.in_hand < LITTLE { SMALL_AT_ONCE } else { AT_ONCE }
    }
}

impl<T: Together> Clone for Group<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Together> fmt::Debug for Group<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("db", &self.0.db).finish_non_exhaustive()
    }
}

impl<T: Together> Group<T> {
    pub(crate) fn new(db: Db, together: T) -> Self {
        Self(Arc::new(Shared {
            db,
            together,
            queue: Mutex::new(Queue { waiting: VecDeque::new(), under_way: 0, in_hand: 0 }),
        }))
    }

    /// Has it done with others, and waits for the answer.
    pub(crate) async fn submit(&self, what: T::What) -> Result<T::Answer, StorageError> {
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut queue = self.0.queue();
            if queue.waiting.len() >= MOST_WAITING {
                return Err(StorageError::Busy);
            }
            queue.waiting.push_back(Wanted { what, waiting: Waiting { since: Instant::now(), answer } });
            let begins = queue.under_way < queue.most();
            queue.under_way += usize::from(begins);
            begins
        };
        if begins {
            tokio::spawn(UnderWay { shared: Arc::clone(&self.0), in_hand: 0, is_over: false }.run());
        }
        answered.await.unwrap_or_else(|_| Err(StorageError::Unavailable("the group was not done".to_owned())))
    }
}

impl<T: Together> Shared<T> {
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next group of one that has done so many; `None` when nobody waits, or others do enough, and then one fewer is
    /// under way.
    fn next(&self, done: usize) -> Option<Vec<Wanted<T::What, T::Answer>>> {
        let mut queue = self.queue();
        queue.in_hand -= done;
        // The others take whoever waits when they are through.
        if queue.under_way > queue.most() {
            queue.under_way -= 1;
            return None;
        }
        let mut group: Vec<Wanted<T::What, T::Answer>> = Vec::new();
        let mut later = VecDeque::new();
        while group.len() < MOST_TOGETHER
            && let Some(wanted) = queue.waiting.pop_front()
        {
            // Who waited too long is told so, as at the door of the database.
            if wanted.waiting.since.elapsed() > self.db.acquire_timeout() {
                wanted.waiting.answer(Err(StorageError::Busy));
            } else if group.iter().all(|other| self.together.is_apart(&other.what, &wanted.what)) {
                group.push(wanted);
            } else {
                later.push_back(wanted);
            }
        }
        later.append(&mut queue.waiting);
        queue.waiting = later;
        if group.is_empty() {
            queue.under_way -= 1;
            return None;
        }
        queue.in_hand += group.len();
        Some(group)
    }
}

/// One group after the other, until nobody waits.
struct UnderWay<T: Together> {
    shared: Arc<Shared<T>>,
    in_hand: usize,
    is_over: bool,
}

impl<T: Together> UnderWay<T> {
    async fn run(mut self) {
        while let Some(group) = self.shared.next(self.in_hand) {
            self.in_hand = group.len();
            self.shared.together.run(&self.shared.db, group).await;
        }
        self.is_over = true;
    }
}

impl<T: Together> Drop for UnderWay<T> {
    /// Where its runtime goes down, or a group panicked: nobody is left waiting.
    fn drop(&mut self) {
        if !self.is_over {
            let mut queue = self.shared.queue();
            queue.under_way -= 1;
            queue.in_hand -= self.in_hand;
            queue.waiting.clear();
        }
    }
}
