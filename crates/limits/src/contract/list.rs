//! The list of all rules, as tests.

/// Makes one `#[tokio::test]` of every rule of the [contract](crate::contract). `$bench` is evaluated anew in each,
/// inside an async function, so it may await; it is an `Option`, and `None` skips the test. The calling crate needs
/// tokio with `macros` and `rt`.
#[macro_export]
macro_rules! limiter_contract {
    ($bench:expr) => {
        $crate::limiter_contract! { @suite $bench,
            a_quota_can_be_used_up_at_once,
            whoever_waits_as_long_as_it_was_told_is_admitted_once,
            whoever_does_not_wait_is_refused_again_and_not_for_longer,
            after_the_reset_the_whole_quota_is_there_again,
            a_quota_never_grows_beyond_itself,
            each_class_has_a_quota_of_its_own,
            each_subject_has_a_quota_of_its_own,
            of_requests_at_once_exactly_the_quota_is_admitted,
        }
    };
    (@suite $bench:expr, $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                if let Some(bench) = $bench {
                    $crate::contract::$rule(bench).await;
                }
            }
        )+
    };
}
