//! Short texts with one spelling: keys, ids, hashes, secrets, nonces, moments.

use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, TimeDelta};
use crochet_pow::{ChallengeError, ChallengeSealer, Difficulty, MAX_POW_NONCE_BYTES, solve, verify};
use crochet_primitives::{CallId, ListingId, format_timestamp, parse_timestamp, truncate_to_millis};
use crochet_relay::IdempotencyKey;
use crochet_secrets::{ApiKey, MasterKeys};
use crochet_signing::{BodyHash, SigningSecret};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::input::{now, seed, text};

/// API keys, ids, idempotency keys, hashes of bodies, signing secrets, master keys, timestamps, challenges, proofs of
/// work: each reads the whole text; the last a challenge, and in a second line its solution.
pub fn names(bytes: &[u8]) {
    let text = text(bytes);
    api_keys(&text);
    ids(&text);
    assert_eq!(
        IdempotencyKey::parse(&text).ok().map(|key| key.as_str().to_owned()),
        Some(text.to_string()).filter(|text| {
            !text.is_empty() && text.chars().count() <= 255 && text.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        })
    );
    hashes_and_secrets(&text);
    master_keys(bytes, &text);
    moments(&text);
    challenges(bytes, &text);
    if text.contains('\n') {
        work(&text);
    }
}

fn api_keys(text: &str) {
    let Ok(key) = ApiKey::parse(text) else { return };
    assert_eq!(key.expose(), text);
    assert_eq!(key.hash().as_bytes(), &<[u8; 32]>::from(Sha256::digest(text)));
    assert!(text.len() == 48 && text.is_ascii() && text.starts_with(&key.prefix()) && key.prefix().len() == 9);
    assert!(!format!("{key:?} {:?}", key.hash()).contains(&text[5..]));
}

fn ids(text: &str) {
    let second = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    assert_eq!(ListingId::parse(text).ok().map(ListingId::uuid), second);
    if let Some(uuid) = second {
        assert_eq!(ListingId::parse(text).unwrap().to_string(), text.to_lowercase());
        let call = CallId::from(uuid);
        assert_eq!(CallId::parse_request_id(&call.request_id()), Ok(call));
        assert_eq!(CallId::parse_relay_request_id(&call.relay_request_id()), Ok(call));
    }
    for call in [CallId::parse_request_id(text), CallId::parse_relay_request_id(text)].into_iter().flatten() {
        let lower = text.to_lowercase();
        assert!(lower == call.request_id() || lower == call.relay_request_id());
    }
}

fn hashes_and_secrets(text: &str) {
    if let Ok(hash) = BodyHash::parse(text) {
        assert_eq!(hash.to_string(), text);
    }
    if let Ok(secret) = SigningSecret::parse(text.to_owned()) {
        assert_eq!(secret.expose(), text);
        assert!(!format!("{secret:?}").contains(&text[6..]));
        let random = STANDARD.decode(&text[6..]).unwrap();
        assert_eq!(SigningSecret::generate(random.try_into().unwrap()).expose(), text, "one spelling");
    }
}

fn master_keys(bytes: &[u8], text: &str) {
    let fixed = MasterKeys::parse(&MasterKeys::entry("k1", [7; 32])).unwrap();
    assert!(fixed.decrypt(bytes, b"a").is_err(), "nobody else can seal");
    let Ok(keys) = MasterKeys::parse(text) else { return };
    let sealed = keys.encrypt(b"secret", b"row", [1; 12]).unwrap();
    assert_eq!(MasterKeys::key_of(&sealed), Ok(keys.current()));
    assert!(sealed.starts_with(&keys.head()) && MasterKeys::is_id(keys.current()));
    assert_eq!(keys.decrypt(&sealed, b"row").unwrap().as_slice(), b"secret");
    assert!(keys.decrypt(&sealed, b"other row").is_err());
    let shown = format!("{keys:?}");
    assert!(text.split([',', ':']).all(|part| part.len() < 43 || !shown.contains(part)));
}

/// What is read can be written as everything here is written, and is then read as the same moment.
fn moments(text: &str) {
    let Some(at) = parse_timestamp(text) else { return };
    assert_eq!(DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()), Ok(at));
    let written = format_timestamp(at);
    assert!((0..=9999).contains(&at.year()), "{text:?} is {written}, which RFC 3339 cannot say");
    assert_eq!(written.len(), "2026-05-03T12:00:00.000Z".len());
    assert_eq!(parse_timestamp(&written), Some(truncate_to_millis(at)), "{text:?}");
}

fn challenges(bytes: &[u8], text: &str) {
    let random = seed(bytes);
    let sealer = ChallengeSealer::new([7; 32]);
    assert!(sealer.open(text, b"register", now()).is_err(), "nobody else can issue one");
    let difficulty = Difficulty::new(random[0] % 3).unwrap_or(Difficulty::AUTH);
    let ttl = Duration::from_millis(u64::from(random[1]) + 1);
    let issued = sealer.issue(bytes, difficulty, now(), ttl, *random.last_chunk().unwrap());
    assert_eq!(sealer.open(&issued.nonce, bytes, now()).as_ref(), Ok(&issued));
    let over = now() + TimeDelta::from_std(ttl).unwrap();
    assert_eq!(sealer.open(&issued.nonce, bytes, over), Err(ChallengeError::Expired));
    assert_eq!(sealer.open(&issued.nonce, &[bytes, b"."].concat(), now()), Err(ChallengeError::NotOurs));
    let mut changed = issued.nonce.into_bytes();
    let place = usize::from(random[2]) % changed.len();
    changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
    assert!(sealer.open(std::str::from_utf8(&changed).unwrap(), bytes, now()).is_err());
}

fn work(text: &str) {
    let [challenge, nonce] = crate::input::lines(text);
    let hash = hex::encode(Sha256::digest(format!("{challenge}{nonce}")));
    let zeros = hash.bytes().take_while(|digit| *digit == b'0').count();
    for difficulty in (0..=64).filter_map(Difficulty::new) {
        let is_done = nonce.len() <= MAX_POW_NONCE_BYTES && zeros >= usize::from(difficulty.get());
        assert_eq!(verify(challenge, nonce, difficulty), is_done);
    }
    if let Some(one) = Difficulty::new(1) {
        let solution = solve(challenge, one, |_| ControlFlow::Continue(())).unwrap();
        assert!(verify(challenge, &solution.pow_nonce, one));
    }
}
