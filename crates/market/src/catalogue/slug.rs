//! A listing's name as a part of a URL.

use crochet_primitives::ListingId;

/// The longest slug, in characters.
pub(crate) const MAX_SLUG: usize = 80;
/// `-` and six characters that tell a slug from those that were taken.
const SUFFIX: usize = 7;
/// What paths beside a listing's own are called.
const RESERVED: [&str; 2] = ["challenge", "listings"];

/// The slug of a name: lower-case letters and digits, joined by single hyphens.
pub(crate) fn slug(name: &str) -> String {
    let slug = shorten(&spell(name), MAX_SLUG);
    if slug.is_empty() {
        "listing".to_owned()
    } else if ListingId::parse(&slug).is_ok() || RESERVED.contains(&slug.as_str()) {
        format!("listing-{slug}")
    } else {
        slug
    }
}

/// The slug with a random end, for when it was taken.
pub(crate) fn slug_with_suffix(name: &str, random: [u8; 6]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut slug = shorten(&slug(name), MAX_SLUG - SUFFIX);
    slug.push('-');
    slug.extend(random.map(|byte| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0'))));
    slug
}

fn shorten(slug: &str, max: usize) -> String {
    slug.get(..max).unwrap_or(slug).trim_end_matches('-').to_owned()
}

/// What has no Latin spelling separates words.
fn spell(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for character in name.chars().flat_map(char::to_lowercase) {
        match character {
            'a'..='z' | '0'..='9' => slug.push(character),
            // Marks that a decomposed letter carries, and apostrophes, are not heard.
            '\u{300}'..='\u{36f}' | '\'' | '\u{2019}' => {}
            _ => match transliterate(character) {
                "" if slug.is_empty() || slug.ends_with('-') => {}
                "" => slug.push('-'),
                letters => slug.push_str(letters),
            },
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The letters of European alphabets that are Latin with a mark.
fn transliterate(character: char) -> &'static str {
    match character {
        'ä' | 'æ' => "ae",
        'ö' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'þ' => "th",
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='õ' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'ù'..='û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_valid(slug: &str) -> bool {
        (1..=MAX_SLUG).contains(&slug.len())
            && slug.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
            })
            && ListingId::parse(slug).is_err()
    }

    #[test]
    fn a_name_is_spelt_in_latin_letters() {
        for (name, spelt) in [
            ("DeFi Alpha Signals", "defi-alpha-signals"),
            ("  Käse & Brötchen!  ", "kaese-broetchen"),
            ("L'été à Łódź", "lete-a-lodz"),
            ("Cafe\u{301}", "cafe"),
            ("信号", "listing"),
            ("---", "listing"),
            ("challenge", "listing-challenge"),
            ("0190A0B0-0000-7000-8000-000000000000", "listing-0190a0b0-0000-7000-8000-000000000000"),
        ] {
            assert_eq!(slug(name), spelt, "{name}");
        }
    }

    #[test]
    fn a_suffix_fits_behind_the_longest_slug() {
        let slug = slug_with_suffix(&"a".repeat(200), [255; 6]);
        assert_eq!(slug.len(), MAX_SLUG);
        assert!(is_valid(&slug));
    }

    proptest! {
        #[test]
        fn every_name_has_a_valid_slug(name in "\\PC{0,120}", hex in "[0-9a-fA-F-]{30,40}", random: [u8; 6]) {
            for name in [&name, &hex] {
                prop_assert!(is_valid(&slug(name)), "{}", slug(name));
                let suffixed = slug_with_suffix(name, random);
                prop_assert!(is_valid(&suffixed), "{}", suffixed);
            }
        }
    }
}
