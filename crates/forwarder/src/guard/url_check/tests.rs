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
fn what_no_environment_allows_is_refused_with_its_reason() {
    let long = format!("https://seller.example/{}", "a".repeat(MAX_URL_BYTES));
    let grows = format!("https://seller.example/{}", "{".repeat(MAX_URL_BYTES - 23));
    let port = || GuardRefusal::Port { allowed: vec![443, 8443] };
    for (text, reason) in [
        (long.as_str(), GuardRefusal::TooLong),
        (grows.as_str(), GuardRefusal::TooLong),
        ("", GuardRefusal::Malformed),
        ("seller.example", GuardRefusal::Malformed),
        ("//seller.example/", GuardRefusal::Malformed),
        ("https://", GuardRefusal::Malformed),
        (" https://seller.example/", GuardRefusal::Malformed),
        ("https://sell\ter.example/", GuardRefusal::Malformed),
        ("https://seller.example/\r\nX-Evil: 1", GuardRefusal::Malformed),
        ("https://[fe80::1%25eth0]/", GuardRefusal::Malformed),
        ("https://1.2.3.4.5/", GuardRefusal::Malformed),
        ("https://999.1.1.1/", GuardRefusal::Malformed),
        ("https://seller.example:99999/", GuardRefusal::Malformed),
        ("http://seller.example/", GuardRefusal::NotHttps),
        ("http://8.8.8.8/", GuardRefusal::NotHttps),
        ("ftp://seller.example/", GuardRefusal::NotHttps),
        ("file:///etc/passwd", GuardRefusal::NotHttps),
        ("unix:/run/docker.sock", GuardRefusal::NotHttps),
        ("javascript:alert(1)", GuardRefusal::NotHttps),
        ("https://user@seller.example/", GuardRefusal::Userinfo),
        ("https://:pass@seller.example/", GuardRefusal::Userinfo),
        ("https://seller.example@10.0.0.1/", GuardRefusal::Userinfo),
        ("https://seller.example/#", GuardRefusal::Fragment),
        ("https://seller.example/#part", GuardRefusal::Fragment),
        ("https://a..example/", GuardRefusal::HostName),
        ("https://seller.example../", GuardRefusal::HostName),
        ("https://a!b.example/", GuardRefusal::HostName),
        ("https://printer.local/", GuardRefusal::LocalName),
        ("https://PRINTER.LOCAL./", GuardRefusal::LocalName),
        ("https://metadata.google.internal/", GuardRefusal::LocalName),
        ("https://metadata.google.internal./", GuardRefusal::LocalName),
        ("https://seller/", GuardRefusal::SingleLabel),
        ("https://seller.example:80/", port()),
        ("https://seller.example:22/", port()),
        ("https://seller.example:0/", port()),
        ("https://8.8.8.8:6379/", port()),
        ("https://10.0.0.1/", GuardRefusal::Address),
        ("https://10.1/", GuardRefusal::Address),
        ("https://167772161/", GuardRefusal::Address),
        ("https://0xa9fea9fe/", GuardRefusal::Address),
        ("https://169.254.169.254/latest/meta-data/", GuardRefusal::Address),
        ("https://0251.0376.0251.0376/", GuardRefusal::Address),
        ("https://192.168.1/", GuardRefusal::Address),
        ("https://0/", GuardRefusal::Address),
        ("https://1０.0.0.1/", GuardRefusal::Address),
        ("https://%31%30.0.0.1/", GuardRefusal::Address),
        ("https://[::ffff:10.0.0.1]/", GuardRefusal::Address),
        ("https://[::ffff:7f00:1]/", GuardRefusal::Address),
        ("https://[64:ff9b::10.0.0.1]/", GuardRefusal::Address),
        ("https://[2002:a00:1::]/", GuardRefusal::Address),
        ("https://[fd00::1]/", GuardRefusal::Address),
        ("https://[::]/", GuardRefusal::Address),
    ] {
        for policy in [production(), development()] {
            assert_eq!(check_url(text, &policy).err(), Some(reason.clone()), "{text}");
        }
    }
}

#[test]
fn loopback_is_allowed_in_development_alone() {
    for (text, reason) in [
        ("https://localhost/", GuardRefusal::LocalName),
        ("https://LOCALHOST./", GuardRefusal::LocalName),
        ("https://seller.localhost:3000/", GuardRefusal::LocalName),
        ("https://127.0.0.1/", GuardRefusal::Address),
        ("https://127.1:9000/", GuardRefusal::Address),
        ("https://2130706433/", GuardRefusal::Address),
        ("https://0x7f.1/", GuardRefusal::Address),
        ("https://0177.0.0.1/", GuardRefusal::Address),
        ("https://[::1]:9000/", GuardRefusal::Address),
        ("http://localhost:3000/", GuardRefusal::NotHttps),
        ("http://127.0.0.1:3000/", GuardRefusal::NotHttps),
        ("http://[::1]/", GuardRefusal::NotHttps),
    ] {
        assert_eq!(check_url(text, &production()).err(), Some(reason), "{text}");
        assert!(check_url(text, &development()).is_ok(), "{text}");
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
