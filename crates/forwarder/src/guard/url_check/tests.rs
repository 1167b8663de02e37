use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::guard::Environment;

fn production() -> GuardPolicy {
    GuardPolicy { own_hosts: vec!["gateway.example".to_owned()], ..GuardPolicy::new(Environment::Production) }
}

fn development() -> GuardPolicy {
    GuardPolicy { own_hosts: vec!["127.0.0.1:8080".to_owned()], ..GuardPolicy::new(Environment::Development) }
}

#[test]
fn public_https_endpoints_are_allowed_in_their_normal_form() {
    for (text, normal) in [
        ("https://seller.example/api/crochet", "https://seller.example/api/crochet"),
        ("https://seller.example", "https://seller.example/"),
        ("HTTPS://Seller.Example./a?b=c", "https://seller.example/a?b=c"),
        ("https://seller.example:443/", "https://seller.example/"),
        ("https://seller.example:8443/", "https://seller.example:8443/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://0x08080808/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://seller.example/a|b^c{d}[e]`?q=\"`{}|^'", "https://seller.example/a|b^c%7Bd%7D[e]%60?q=%22`{}|^%27"),
    ] {
        for policy in [production(), development()] {
            let checked = check_url(text, &policy).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
            assert_eq!(checked.expose(), normal);
            assert_eq!(checked.uri().to_string(), normal);
        }
    }
}

#[test]
fn the_gateway_itself_is_no_seller() {
    for text in ["https://gateway.example/api/v1/gateway/x", "https://GATEWAY.example.:8443/"] {
        assert_eq!(check_url(text, &production()).err(), Some(GuardRefusal::OwnHost), "{text}");
    }
    for text in ["http://127.0.0.1:8080/", "http://localhost:8080/", "http://[::1]:8080/"] {
        assert_eq!(check_url(text, &development()).err(), Some(GuardRefusal::OwnHost), "{text}");
    }
}

#[test]
fn a_private_url_is_not_in_debug_output_nor_in_a_refusal() {
    let checked = check_url("https://hidden.example/path", &production()).unwrap();
    assert_eq!(format!("{checked:?}"), "CheckedUrl(..)");
    let refusal = check_url("https://hidden.example:99/path", &production()).unwrap_err();
    assert!(!format!("{refusal} {refusal:?}").contains("hidden"));
    assert_eq!(refusal.to_string(), "the endpoint's port is not allowed; allowed ports: 443, 8443");
}

/// One of the notations in which a URL may write an IPv4 address.
fn written(address: Ipv4Addr, notation: u8) -> String {
    let [a, b, c, d] = address.octets();
    match notation % 6 {
        0 => address.to_string(),
        1 => address.to_bits().to_string(),
        2 => format!("{:#x}", address.to_bits()),
        3 => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        4 => format!("{a}.{b}.{}", u32::from(c) * 256 + u32::from(d)),
        _ => format!("0X{a:X}.{}.", address.to_bits() & 0x00ff_ffff),
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*", host in "\\PC{0,30}", path in "\\PC{0,30}") {
        for text in [text, format!("https://{host}/{path}"), format!("http://{host}:80{path}")] {
            for policy in [production(), development()] {
                if let Ok(checked) = check_url(&text, &policy) {
                    // What is stored is what will be allowed again at the call.
                    prop_assert!(check_url(checked.expose(), &policy).is_ok());
                }
            }
        }
    }

    #[test]
    fn a_literal_address_is_allowed_exactly_when_the_address_is(bits: u32, notation: u8) {
        let address = Ipv4Addr::from_bits(bits);
        let text = format!("https://{}/", written(address, notation));
        for policy in [production(), development()] {
            prop_assert_eq!(
                check_url(&text, &policy).is_ok(),
                check_address(IpAddr::V4(address), &policy).is_ok(),
                "{} {}", text, address
            );
        }
    }

    #[test]
    fn an_ipv6_literal_is_allowed_exactly_when_the_address_is(bits: u128) {
        let address = Ipv6Addr::from_bits(bits);
        prop_assert_eq!(
            check_url(&format!("https://[{address}]/"), &production()).is_ok(),
            check_address(IpAddr::V6(address), &production()).is_ok()
        );
    }
}
