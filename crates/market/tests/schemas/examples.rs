//! Examples are real: each fits its own schema.

use crate::document::{schemas, validator};

#[test]
fn every_schema_has_an_example_and_every_example_fits() {
    for (name, schema) in schemas() {
        let examples = schema["examples"].as_array().cloned().unwrap_or_default();
        assert!(!examples.is_empty(), "{name} has no example");
        let validator = validator(&name);
        for example in examples {
            let errors: Vec<String> =
                validator.iter_errors(&example).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
}
