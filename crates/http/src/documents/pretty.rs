//! JSON as people read it, with its keys in the order they have.

/// Breaks and indents a JSON text. `serde_json::Value` would sort the keys.
pub(super) fn pretty(json: &str) -> String {
    let mut text = String::with_capacity(json.len().saturating_mul(2));
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            text.push(character);
            match character {
                '\\' => text.extend(characters.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                text.push(character);
            }
            '{' | '[' => {
                text.push(character);
                if matches!(characters.peek(), Some('}' | ']')) {
                    text.extend(characters.next());
                } else {
                    depth = depth.saturating_add(1);
                    new_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(character);
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            character if character.is_whitespace() => {}
            character => text.push(character),
        }
    }
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_keep_their_order_and_strings_their_signs() {
        let told = pretty(r#"{"b":[],"a":{"x":"{\"y\":[1,2]}","z":[1,null]}}"#);
        assert_eq!(
            told,
            "{\n  \"b\": [],\n  \"a\": {\n    \"x\": \"{\\\"y\\\":[1,2]}\",\n    \"z\": [\n      1,\n      null\n    ]\n  }\n}"
        );
    }

    proptest! {
        #[test]
        fn what_it_says_stays_the_same(texts: Vec<String>) {
            let json = serde_json::json!({ "a": texts, "b": [[], {}] });
            let told: serde_json::Value = serde_json::from_str(&pretty(&json.to_string())).unwrap();
            prop_assert_eq!(told, json);
        }
    }
}
