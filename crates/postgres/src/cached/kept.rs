//! What is kept in memory, within a bound, and never stored after it was taken back.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, UnitWeighter, Weighter};

/// A bounded cache whose entries can be taken back while they are being looked up.
///
/// Who looks something up takes the [`Generation`] first, and hands it over with what was found. Whatever is taken back
/// in between ends that generation, and what was found is not kept: it may be from before the change.
pub(super) struct Kept<K, V, W = UnitWeighter> {
    entries: Cache<K, V, W>,
    generation: Mutex<u64>,
}

/// What was known when a look-up began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// Up to `most` entries.
    pub(super) fn of(most: u16) -> Self {
        Self { entries: Cache::new(most.into()), generation: Mutex::default() }
    }
}

impl<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone> Kept<K, V, W> {
    /// Entries of up to `most` in all, as `weighter` weighs them: about `items`.
    pub(super) fn weighed(items: u16, most: u64, weighter: W) -> Self {
        Self { entries: Cache::with_weighter(items.into(), most, weighter), generation: Mutex::default() }
    }

    pub(super) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.entries.get(key)
    }

    /// To be asked for before the database is.
    pub(super) fn generation(&self) -> Generation {
        Generation(*self.lock())
    }

    /// Keeps what was found by a look-up that began in `generation`, unless something was taken back since; whether it
    /// did.
    pub(super) fn keep(&self, generation: Generation, key: K, value: V) -> bool {
        let now = self.lock();
        let is_sure = Generation(*now) == generation;
        if is_sure {
            // Under the lock: who takes it back comes before or after this, and not in between.
            self.entries.insert(key, value);
        }
        is_sure
    }

    /// What is kept of this, or else is kept from now on; `None` when something was taken back since `generation`.
    pub(super) fn get_or_keep(&self, generation: Generation, key: K, make: impl FnOnce() -> V) -> Option<V> {
        let now = self.lock();
        if Generation(*now) != generation {
            return None;
        }
        if let Some(kept) = self.entries.get(&key) {
            return Some(kept);
        }
        let value = make();
        self.entries.insert(key, value.clone());
        Some(value)
    }

    /// Takes one entry back.
    pub(super) fn forget(&self, key: &K) {
        let mut generation = self.lock();
        *generation = generation.wrapping_add(1);
        self.entries.remove(key);
    }

    /// Takes back what `is_wrong` names: all entries are looked at.
    pub(super) fn forget_those(&self, is_wrong: impl Fn(&V) -> bool) {
        let mut generation = self.lock();
        *generation = generation.wrapping_add(1);
        self.entries.retain(|_, value| !is_wrong(value));
    }

    /// Takes everything back.
    pub(super) fn forget_all(&self) {
        let mut generation = self.lock();
        *generation = generation.wrapping_add(1);
        self.entries.clear();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_before_something_was_taken_back_is_not_kept() {
        let kept: Kept<u8, &str> = Kept::of(100);
        let takes_back: [fn(&Kept<u8, &str>); 3] =
            [|kept| kept.forget(&1), |kept| kept.forget_those(|_| true), |kept| kept.forget_all()];
        for take_back in takes_back {
            let generation = kept.generation();
            take_back(&kept);
            assert!(!kept.keep(generation, 1, "from before"));
            assert_eq!(kept.get(&1), None);
        }
    }

    #[test]
    fn what_was_found_after_it_is() {
        let kept: Kept<u8, &str> = Kept::of(100);
        kept.forget(&1);
        assert!(kept.keep(kept.generation(), 1, "new"));
        assert_eq!(kept.get(&1), Some("new"));
        kept.forget(&1);
        assert_eq!(kept.get(&1), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let kept: Kept<u16, u16> = Kept::of(100);
        for number in 0..10_000 {
            kept.keep(kept.generation(), number, number);
        }
        assert!(kept.len() <= 110, "{}", kept.len());
    }

    #[test]
    fn entries_are_taken_back_by_what_they_are() {
        let kept: Kept<u16, u16> = Kept::of(100);
        for number in 0..10 {
            kept.keep(kept.generation(), number, number);
        }
        kept.forget_those(|number| number % 2 == 0);
        assert_eq!((0..10).filter(|number| kept.get(number).is_some()).count(), 5);
    }
}
