//! The one clock, the one source of randomness, and what is asked of the operating system for this process.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use crochet_primitives::{Clock, Entropy, Timestamp, timestamp_from_millis};

/// Lets no crash write this process's memory to a file, keys and secrets in it; nor may another process of the same user
/// read it while it runs. What the system does not know of, it is asked for in vain, and nothing else depends on it.
pub(crate) fn keep_memory_private() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // A limit of zero does not count where cores are piped to a program.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Lets the C library's allocator have four arenas, and not eight for each core: what is freed in one stays there, and
/// many threads each do a little. It reads that where the program starts and nowhere else, so the program starts once
/// more, as the same process; to be called before anything was read or opened. Whoever has set the number is left it, and
/// where starting does not work everything goes on as it is.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(clippy::disallowed_methods, reason = "the allocator's own variable, which is no configuration of the gateway")]
pub(crate) fn share_arenas() {
    use std::os::unix::process::CommandExt;
    const VARIABLE: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    if let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) {
        // It answers only when it failed.
        let _ = std::process::Command::new(program).arg0(name).args(arguments).env(VARIABLE, "4").exec();
    }
}

/// Other allocators are left alone.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share_arenas() {}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).ok().and_then(timestamp_from_millis).unwrap_or(Timestamp::MAX_UTC)
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The operating system's generator.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            // Keys made of anything else would be guessable: better no process than such keys.
            tracing::error!(%error, "the operating system gives no randomness");
            std::process::abort();
        }
    }
}
