#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crochet_laws::names(bytes));
