//! Names, and what DNS says of them, now and the next time.

use crochet_forwarder::guard::Environment;
use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause};

use super::special::{LOOPBACK, SPECIAL, parse};
use super::stage::{Does, PUBLIC, Stage};
use crate::call::{assert_answered, assert_never_sent, dispatch};
use crate::tls::{Authority, FAR};

const URL: &str = "https://seller.example/";
const ANSWER_AND_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";

/// What comes of one call.
enum Went {
    /// It was answered from exactly this address.
    To(&'static str),
    /// It was refused, and nothing was connected to.
    Refused,
    /// There is no address, and nothing was connected to.
    Nowhere,
}
use Went::{Nowhere, Refused, To};

struct Row {
    name: &'static str,
    url: &'static str,
    /// What is looked up, each time.
    asked: &'static str,
    /// What DNS answers, one time after the other.
    dns: &'static [&'static [&'static str]],
    /// One call after the other; the seller closes each connection.
    went: &'static [Went],
}

const ROWS: &[Row] = &[
    Row {
        name: "a public address",
        url: URL,
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a public IPv6 address",
        url: URL,
        asked: "seller.example",
        dns: &[&["2606:4700:4700::1111"]],
        went: &[To("[2606:4700:4700::1111]:443")],
    },
    Row {
        name: "public when it is checked, private when it would be connected to",
        url: URL,
        asked: "seller.example",
        dns: &[&[PUBLIC], &["10.0.0.1"]],
        went: &[To("93.184.216.34:443"), Refused],
    },
    Row {
        name: "public, then loopback, then public again",
        url: URL,
        asked: "seller.example",
        dns: &[&[PUBLIC], &["127.0.0.1"], &["1.1.1.1"]],
        went: &[To("93.184.216.34:443"), Refused, To("1.1.1.1:443")],
    },
    Row {
        name: "another answer at every asking",
        url: URL,
        asked: "seller.example",
        dns: &[&["1.1.1.1"], &["1.0.0.1"], &["9.9.9.9", "169.254.169.254"], &["::1"]],
        went: &[To("1.1.1.1:443"), To("1.0.0.1:443"), Refused, Refused],
    },
    Row {
        name: "a hundred public addresses and a private one, of which four would be tried",
        url: URL,
        asked: "seller.example",
        dns: &[&[
            PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, "10.0.0.1",
        ]],
        went: &[Refused],
    },
    Row { name: "no address", url: URL, asked: "seller.example", dns: &[&[]], went: &[Nowhere] },
    Row { name: "no such name", url: URL, asked: "seller.example", dns: &[], went: &[Nowhere] },
    Row {
        name: "a last point",
        url: "https://seller.example./",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a last point in full width",
        url: "https://seller.example\u{3002}/",
        asked: "seller.example",
        dns: &[&[PUBLIC], &["192.168.1.1"]],
        went: &[To("93.184.216.34:443"), Refused],
    },
    Row {
        name: "capitals and another port",
        url: "HTTPS://SELLER.Example:8443/",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:8443")],
    },
    Row {
        name: "the port in five digits",
        url: "https://seller.example:00443/",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "the port left out behind its colon",
        url: "https://seller.example:/",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "an international name",
        url: "https://b\u{fc}cher.example/",
        asked: "xn--bcher-kva.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "the same in Punycode",
        url: "https://xn--bcher-kva.example/",
        asked: "xn--bcher-kva.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a Cyrillic letter that looks like another is another name",
        url: "https://s\u{435}ller.example/",
        asked: "xn--sller-zwe.example",
        dns: &[&[PUBLIC], &["10.0.0.1"]],
        went: &[To("93.184.216.34:443"), Refused],
    },
    Row {
        name: "letters in full width, and one that is not seen",
        url: "https://\u{ff53}ell\u{ad}er.example/",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a name in percents",
        url: "https://%73eller%2Eexample/",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a path that looks like userinfo",
        url: "https://seller.example/@169.254.169.254/",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a query that looks like userinfo",
        url: "https://seller.example?@169.254.169.254",
        asked: "seller.example",
        dns: &[&[PUBLIC]],
        went: &[To("93.184.216.34:443")],
    },
    Row {
        name: "a name that spells an address",
        url: "https://169.254.169.254.seller.example/",
        asked: "169.254.169.254.seller.example",
        dns: &[&["169.254.169.254"], &[PUBLIC]],
        went: &[Refused, To("93.184.216.34:443")],
    },
    Row {
        name: "a name that begins like a local one",
        url: "https://localhost.seller.example/",
        asked: "localhost.seller.example",
        dns: &[&["127.0.0.1"], &[PUBLIC]],
        went: &[Refused, To("93.184.216.34:443")],
    },
];

#[tokio::test]
async fn what_is_connected_to_is_what_was_checked_however_often_dns_changes_its_answer() {
    let authority = Authority::new();
    for row in ROWS {
        let config = authority.server(row.asked, FAR);
        let stage = Stage::with_seller(authority.root(), config, Does::Closes(ANSWER_AND_CLOSE.to_vec())).await;
        stage.dns.script(row.dns.iter().map(|answer| Some(parse(answer))));
        for (number, went) in row.went.iter().enumerate() {
            let arrival = stage.forwarder.forward(dispatch(row.url)).await;
            let what = format!("{}, call {number}: {arrival:?}", row.name);
            let dialled = stage.dialled();
            match went {
                To(address) => {
                    assert!(matches!(arrival, Arrival::Answered { status: 200, .. }), "{what}");
                    assert_eq!(dialled, [*address], "{what}");
                }
                Refused => {
                    assert!(matches!(arrival, Arrival::NeverSent { cause: Cause::NotAllowed, .. }), "{what}");
                    assert!(dialled.is_empty(), "{what}: {dialled:?}");
                }
                Nowhere => {
                    assert!(matches!(arrival, Arrival::NeverSent { cause: Cause::Connection, .. }), "{what}");
                    assert!(dialled.is_empty(), "{what}: {dialled:?}");
                }
            }
            assert_eq!(stage.dns.asked(), [row.asked], "{what}: one look-up a connection");
        }
    }
}

#[tokio::test]
async fn a_public_name_with_a_private_address_is_not_connected_to() {
    let stage = Stage::empty(Environment::Production);
    let loopback = LOOPBACK.iter().map(|address| ("loopback", *address));
    for (kind, special) in SPECIAL.iter().copied().chain(loopback) {
        for answer in [&[special][..], &[special, PUBLIC], &[PUBLIC, "2606:4700:4700::1111", special]] {
            stage.dns.script([Some(parse(answer))]);
            assert_never_sent(&stage.forwarder.forward(dispatch(URL)).await, Cause::NotAllowed);
            assert_eq!(stage.dns.asked(), ["seller.example"]);
            assert!(stage.dialled().is_empty(), "{kind}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn no_more_than_four_addresses_are_tried_in_their_order() {
    let stage = Stage::empty(Environment::Production);
    stage.dns.script([Some(parse(&["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "8.8.8.8", "8.8.4.4"]))]);
    assert_never_sent(&stage.forwarder.forward(dispatch(URL)).await, Cause::Connection);
    assert_eq!(stage.dialled(), ["1.1.1.1:443", "1.0.0.1:443", "[2606:4700:4700::1111]:443", "8.8.8.8:443"]);
}

#[tokio::test]
async fn a_kept_connection_goes_on_to_where_it_was_checked_for_and_dns_is_not_asked_again() {
    let authority = Authority::new();
    let config = authority.server("seller.example", FAR);
    let stage = Stage::with_seller(authority.root(), config, Does::Answers(crate::seller::OK.to_vec())).await;
    stage.dns.script([Some(parse(&[PUBLIC])), Some(parse(&["10.0.0.1"]))]);
    for _ in 0..3 {
        assert_answered(&stage.forwarder.forward(dispatch(URL)).await, 200);
    }
    assert_eq!((stage.dns.asked().len(), stage.dialled(), stage.runs()), (1, vec!["93.184.216.34:443".to_owned()], 3));
}
