//! The code in the documents, run as it stands there.

use std::io::Write;
use std::process::{Command, Stdio};

use crochet_pow::{Difficulty, verify};
use crochet_primitives::timestamp_from_millis;
use crochet_signing::{BodyHash, Seal, SigningSecret, SigningSecrets, seal};
use serde_json::{Value, json};

use crate::world::World;

#[path = "../../src/documents/examples/verify.rs"]
#[expect(unreachable_pub, reason = "who copies it wants to use it from elsewhere")]
mod rust_example;

const SEALED_AT: i64 = 1_777_809_600_000;
const BODY: &str = r#"{"text":"hello","n":1.50,"u":"ü"}"#;

/// The code block of a language in a document.
async fn example(world: &World, path: &str, language: &str) -> String {
    let text = world.get(path).send().await.text();
    let (_, after) = text.split_once(&format!("```{language}\n")).unwrap();
    after.split_once("\n```").unwrap().0.to_owned()
}

/// Whether the interpreter is there. In CI it has to be.
#[expect(clippy::print_stdout, reason = "a test that was skipped says so")]
fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let is_ci = std::env::vars().any(|(name, value)| name == "CI" && value == "true");
    assert!(found || !is_ci, "{program} is needed to run the examples of the documents");
    if !found {
        println!("skipped: there is no {program}");
    }
    found
}

/// Runs a program that reads JSON and answers JSON.
fn run(program: &str, arguments: &[&str], code: &str, input: &Value) -> Value {
    let mut child = Command::new(program)
        .args(arguments)
        .arg(code)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// TypeScript without its types: the examples have them only in `type` lines, in parameters that have a line of their
/// own or stand alone in parentheses, and as a function's result.
fn without_types(typescript: &str) -> String {
    let plain = |line: &str| -> String {
        let bare = line.trim_end();
        if bare.starts_with("type ") {
            return String::new();
        }
        if let Some(start) = bare.strip_prefix("): ").filter(|rest| rest.ends_with('{')) {
            assert!(!start.contains('('), "{line}");
            return ") {".to_owned();
        }
        if let Some((name, rest)) =
            bare.split_once(": ").filter(|(name, _)| name.starts_with("  ") && is_name(name.trim()))
            && rest.ends_with(',')
        {
            let default = rest.split_once(" = ").map(|(_, value)| format!(" = {value}"));
            return format!("{name}{}", default.unwrap_or_else(|| ",".to_owned()));
        }
        bare.replace("(text: string)", "(text)").replace("(name: string)", "(name)")
    };
    typescript.lines().map(plain).collect::<Vec<_>>().join("\n")
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// What a seller gets: headers, and whether it should trust them with this body, these secrets and this clock.
struct Case {
    what: &'static str,
    secrets: Vec<SigningSecret>,
    headers: Vec<(String, String)>,
    body: String,
    now_millis: i64,
    is_good: bool,
}

fn cases() -> Vec<Case> {
    let [current, next, other] = [1, 2, 3].map(|byte| SigningSecret::generate([byte; 32]));
    let at = timestamp_from_millis(SEALED_AT).unwrap();
    let secrets = |next| SigningSecrets { current: current.clone(), next };
    let sealed = |secrets: &SigningSecrets| {
        let request = "gw_req_0190a0b0-0000-7000-8000-000000000000";
        seal(secrets, at, request, "0190a0b0-0000-7000-8000-000000000001", BodyHash::of(BODY.as_bytes()))
    };
    let headers = |seal: &Seal| -> Vec<(String, String)> {
        seal.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let plain = headers(&sealed(&secrets(None)));
    let rotating = headers(&sealed(&secrets(Some(next.clone()))));
    let changed = |name: &str, value: &str| -> Vec<(String, String)> {
        let value = |(known, old): &(String, String)| {
            (known.clone(), if known == name { value.to_owned() } else { old.clone() })
        };
        plain.iter().map(value).collect()
    };
    let case = |what, secrets: &[&SigningSecret], headers: &[(String, String)], is_good| Case {
        what,
        secrets: secrets.iter().map(|secret| (*secret).clone()).collect(),
        headers: headers.to_vec(),
        body: BODY.to_owned(),
        now_millis: SEALED_AT + 60_000,
        is_good,
    };
    vec![
        case("as it was sent", &[&current], &plain, true),
        case("another secret", &[&other], &plain, false),
        case("no secret", &[], &plain, false),
        case("one of two secrets", &[&other, &current], &plain, true),
        case("a rotation, with the old secret", &[&current], &rotating, true),
        case("a rotation, with the new secret", &[&next], &rotating, true),
        case("a rotation, with neither", &[&other], &rotating, false),
        case("no headers", &[&current], &[], false),
        case("no signature", &[&current], &changed("x-crochet-signature", ""), false),
        case("a signature that is no hexadecimal", &[&current], &changed("x-crochet-signature", "üxyz"), false),
        case("another request id", &[&current], &changed("x-crochet-request-id", "gw_req_other"), false),
        case("a point in an id", &[&current], &changed("x-crochet-request-id", "gw.req"), false),
        case("another listing", &[&current], &changed("x-crochet-listing-id", "other"), false),
        case("another time", &[&current], &changed("x-crochet-timestamp", "2026-05-03T12:00:01.000Z"), false),
        case("no time", &[&current], &changed("x-crochet-timestamp", "yesterday"), false),
        Case { body: format!("{BODY} "), ..case("another body", &[&current], &plain, false) },
        Case { now_millis: SEALED_AT + 300_000, ..case("five minutes later", &[&current], &plain, true) },
        Case { now_millis: SEALED_AT + 301_000, ..case("too late", &[&current], &plain, false) },
        Case { now_millis: SEALED_AT - 301_000, ..case("too early", &[&current], &plain, false) },
    ]
}

impl Case {
    fn json(&self) -> Value {
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let secrets: Vec<_> = self.secrets.iter().map(SigningSecret::expose).collect();
        json!({ "secrets": secrets, "headers": headers, "body": self.body, "now": self.now_millis })
    }
}

/// One answer for each case.
fn agrees(answers: &Value) {
    for (case, answer) in cases().iter().zip(answers.as_array().unwrap()) {
        assert_eq!(answer, &json!(case.is_good), "{}", case.what);
    }
    assert_eq!(answers.as_array().unwrap().len(), cases().len());
}

fn input() -> Value {
    cases().iter().map(Case::json).collect()
}

#[tokio::test]
async fn the_python_example_trusts_what_the_gateway_signed_and_nothing_else() {
    if !is_there("python3") {
        return;
    }
    let world = World::new().await;
    let code = example(&world, "/seller-onboarding", "python").await
        + "\n\nimport json, sys\nprint(json.dumps([is_from_crochet(case['secrets'], case['headers'], case['body'].encode(), \
           datetime.fromtimestamp(case['now'] / 1000, timezone.utc)) for case in json.load(sys.stdin)]))\n";
    agrees(&run("python3", &["-I", "-c"], &code, &input()));
}

#[tokio::test]
async fn the_typescript_example_trusts_what_the_gateway_signed_and_nothing_else() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    let text = world.get("/seller-onboarding").send().await.text();
    let (_, after) = text.split_once("```typescript\n// verify.ts").unwrap();
    let code = without_types(after.split_once("\n```").unwrap().0)
        + "\nimport { readFileSync } from 'node:fs';\nconst cases = JSON.parse(readFileSync(0, 'utf8'));\n\
           console.log(JSON.stringify(cases.map((one) => \
           isFromCrochet(one.secrets, one.headers, Buffer.from(one.body), one.now))));\n";
    let code = format!("//{code}");
    agrees(&run("node", &["--input-type=module", "--eval"], &code, &input()));
}

#[tokio::test]
async fn the_rust_example_trusts_what_the_gateway_signed_and_nothing_else() {
    let world = World::new().await;
    let shown = example(&world, "/seller-onboarding", "rust").await;
    assert_eq!(shown, include_str!("../../src/documents/examples/verify.rs").trim_end());
    for case in cases() {
        let secrets: Vec<_> = case.secrets.iter().map(SigningSecret::expose).collect();
        let header = |name: &str| case.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let now = timestamp_from_millis(case.now_millis).unwrap();
        let answer = rust_example::is_from_crochet(&secrets, header, case.body.as_bytes(), now);
        assert_eq!(answer, case.is_good, "{}", case.what);
    }
}

#[tokio::test]
async fn both_sketches_of_the_work_solve_a_challenge() {
    let world = World::new().await;
    let difficulty = Difficulty::new(3).unwrap();
    let challenge = "0123456789abcdef";
    let input = json!([challenge, 3]);
    if is_there("python3") {
        let code = example(&world, "/SKILL.md", "python").await
            + "\n\nimport json, sys\nprint(json.dumps(solve(*json.load(sys.stdin))))\n";
        let nonce = run("python3", &["-I", "-c"], &code, &input);
        assert!(verify(challenge, nonce.as_str().unwrap(), difficulty), "{nonce}");
    }
    if is_there("node") {
        let code = without_types(&example(&world, "/seller-onboarding", "typescript").await)
            + "\nimport { readFileSync } from 'node:fs';\n\
               console.log(JSON.stringify(solve(...JSON.parse(readFileSync(0, 'utf8')))));\n";
        let nonce = run("node", &["--input-type=module", "--eval"], &code, &input);
        assert!(verify(challenge, nonce.as_str().unwrap(), difficulty), "{nonce}");
    }
}
