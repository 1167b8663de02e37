//! The list of all rules, as tests.

/// Makes one `#[tokio::test]` of every rule of the [contract](crate::contract). `$world` is evaluated anew in each,
/// inside an async function, so it may await. The calling crate needs tokio with `macros` and `rt`.
#[macro_export]
macro_rules! journal_contract {
    ($world:expr) => {
        $crate::journal_contract! { @suite $world, admission:
            a_new_paid_call_begins_as_quoting_under_a_lease,
            a_new_free_call_begins_with_its_first_attempt,
            a_call_is_read_back_as_each_step_left_it,
            a_call_that_there_is_not_is_answered_with_nothing,
            the_same_call_admitted_again_is_recorded_once,
            a_key_used_again_answers_the_call_that_it_names,
            a_key_used_for_another_body_or_other_origin_headers_is_refused,
            a_key_belongs_to_one_buyer_and_one_listing,
            of_first_calls_that_race_with_one_key_one_is_recorded,
            a_buyer_has_only_so_many_unpaid_calls_open,
            paid_calls_do_not_count_as_open,
        }
        $crate::journal_contract! { @suite $world, coming_paid:
            a_call_that_came_paid_begins_as_pending_with_its_terms,
            one_payment_comes_with_one_call,
            of_calls_that_race_with_one_payment_one_is_recorded,
            what_came_with_the_call_settles_it_once_it_arrived,
            what_came_with_the_call_and_does_not_cover_it_buys_nothing,
            a_payment_that_came_with_its_call_stays_pending_until_it_is_decided,
            the_submission_of_a_payment_is_taken_over_by_one_once_its_lease_has_ended,
        }
        $crate::journal_contract! { @suite $world, quoting:
            terms_are_recorded_once,
            a_quote_lease_is_retaken_only_after_it_has_ended,
            of_workers_that_race_for_an_ended_quote_lease_one_gets_it,
            a_worker_whose_quote_lease_was_retaken_records_nothing,
            a_worker_that_is_late_but_was_not_replaced_records_its_terms,
            a_provider_that_is_unavailable_ends_the_lease_at_once,
            a_refusal_is_kept_and_final,
            a_call_without_terms_cannot_be_paid,
            an_abandoned_quote_expires_after_the_grace,
        }
        $crate::journal_contract! { @suite $world, observing:
            terms_stand_while_nothing_has_arrived,
            a_quote_expires_after_its_window_and_its_grace,
            a_payment_under_way_makes_the_call_pending_and_keeps_it_so,
            an_unknown_outcome_makes_a_quote_pending_until_it_is_known,
            a_quote_does_not_expire_while_the_outcome_is_unknown,
            a_failed_payment_kills_the_call_and_says_why,
            a_payment_given_back_before_it_settled_kills_the_call,
            a_payment_that_arrives_after_the_call_died_still_settles,
            a_late_payment_under_way_brings_the_call_back_to_life,
        }
        $crate::journal_contract! { @suite $world, paying:
            an_exact_payment_settles_the_call_with_three_entries,
            an_older_look_takes_nothing_back,
            a_payment_under_way_keeps_a_mispaid_call_alive,
            a_refund_beside_another_payment_is_booked,
            what_is_paid_too_much_settles_at_the_quoted_price,
            a_payment_that_does_not_cover_the_terms_buys_nothing,
            a_second_payment_is_kept_as_an_orphan,
            a_short_payment_beside_a_full_one_does_not_stop_it,
            a_reference_pays_for_one_call_only,
            of_calls_that_race_for_one_reference_one_is_paid,
            a_payment_reported_again_changes_nothing,
            of_settlements_that_race_one_is_booked,
            a_settled_call_ignores_a_status_that_goes_backwards,
            a_refund_before_delivery_ends_the_call_and_is_booked_back,
            a_refund_after_delivery_changes_the_books_only,
            a_refund_while_the_request_is_under_way_takes_effect_when_it_fails,
            a_refund_is_booked_once_and_only_of_the_payment_that_settled,
            a_call_whose_payment_was_given_back_can_be_paid_again,
            a_payment_that_was_given_back_does_not_settle_again,
        }
        $crate::journal_contract! { @suite $world, forwarding:
            an_unpaid_call_is_never_forwarded,
            a_settled_call_is_forwarded_under_a_lease,
            a_payment_is_booked_and_forwarded_in_one_step,
            nobody_forwards_who_does_not_ask_to,
            of_fifty_retries_that_race_one_forwards,
            while_a_lease_holds_nobody_else_forwards,
            an_ended_lease_leaves_the_call_settled_and_its_attempt_unknown,
            an_ended_lease_is_taken_again_in_one_step_by_one_worker,
            an_ended_lease_of_a_free_call_is_a_seller_failure_that_can_be_retried,
            a_failed_call_waits_twice_as_long_after_each_failure_up_to_an_hour,
            a_delivered_call_is_never_forwarded_again,
            the_provider_is_asked_about_a_call_once_in_each_interval,
        }
        $crate::journal_contract! { @suite $world, closing:
            a_delivery_is_recorded_with_what_the_seller_answered,
            a_failure_is_recorded_with_its_kind,
            a_free_call_is_delivered_without_a_ledger_entry,
            a_delivery_that_comes_after_its_lease_wins_over_the_next_attempt,
            a_delivery_wins_also_where_its_lease_was_only_ended,
            a_failure_that_comes_too_late_is_dropped,
            a_failure_after_a_delivery_is_dropped,
            a_closing_that_is_repeated_is_still_recorded,
            of_attempts_that_race_to_deliver_one_is_recorded,
        }
        $crate::journal_contract! { @suite $world, together:
            calls_that_go_their_way_at_the_same_time_do_not_meet,
            a_step_that_cannot_be_taken_holds_up_no_other,
            of_many_new_calls_of_one_buyer_as_many_are_quoted_as_may_be_open,
            the_vault_takes_as_many_responses_at_the_same_time_as_one_after_the_other,
            a_free_call_that_is_over_is_recorded_with_its_attempt,
            a_free_call_that_is_over_is_recorded_once_and_as_it_was_first,
            free_calls_that_end_at_the_same_time_are_recorded_each_as_it_ended,
        }
        $crate::journal_contract! { @suite $world, superseding:
            a_dead_call_gets_one_successor,
            of_retries_that_race_one_makes_the_successor,
            a_call_that_is_not_dead_gets_no_successor,
            the_newest_of_a_chain_and_what_came_before_it_are_found,
            of_a_long_chain_one_call_more_is_read_than_can_be_asked_about,
            a_further_key_stands_for_the_chain_that_it_was_bound_to,
            a_key_stands_for_the_paid_call_of_its_chain_else_for_the_newest,
            the_same_successor_recorded_again_is_recorded_once,
        }
        $crate::journal_contract! { @suite $world, vault:
            a_sealed_response_is_kept_for_a_day,
            a_call_that_was_not_delivered_has_no_sealed_response,
            each_buyer_has_a_bounded_part_of_the_vault,
            the_sealed_response_is_the_one_of_the_recorded_delivery,
        }
        $crate::journal_contract! { @suite $world, sweeping:
            a_call_that_is_due_is_claimed_once_while_it_is_held,
            two_sweepers_never_get_the_same_call,
            no_more_calls_are_claimed_than_asked_for,
            a_paid_call_is_looked_at_less_and_less_often_until_the_horizon,
            a_paid_call_about_which_nobody_could_be_asked_is_looked_at_again,
            a_refused_quote_is_never_due,
            an_ended_lease_is_due,
            an_abandoned_quote_is_due,
            each_look_doubles_the_wait_until_the_next,
            a_dead_call_is_looked_at_until_the_horizon,
            a_call_that_a_webhook_is_about_is_claimed_at_once_and_once,
            a_webhook_changes_nothing_of_its_call,
            a_webhook_about_a_quote_of_nobody_s_is_answered_so,
            a_webhook_that_comes_during_a_look_leads_to_another_look,
            a_webhook_is_not_done_with_by_a_look_that_was_due,
            of_calls_that_are_wanted_no_more_are_claimed_than_asked_for_and_none_twice,
            expired_responses_are_purged,
            the_key_of_a_call_that_ended_is_kept_for_a_day,
            the_key_of_a_call_that_is_payable_or_paid_is_never_dropped,
        }
        $crate::journal_contract! { @suite $world, books:
            history_has_pages_newest_first,
            a_cursor_goes_on_where_the_last_page_ended_though_new_calls_come_in,
            a_page_that_ends_with_the_list_has_no_next,
            history_is_filtered_by_role_state_and_listing,
            a_call_that_calls_its_own_listing_is_listed_once,
            a_history_item_has_its_attempts_and_orphans,
            a_buyer_sees_its_payments_a_seller_its_fees_and_credits_and_both_their_adjustments,
            the_ledger_has_pages_and_cursors_newest_first,
            an_audit_adds_everything_up_again,
        }
        $crate::journal_contract! { @suite $world, lists:
            history_over_all_states_is_in_one_order,
            history_is_filtered_by_one_state_or_several,
            a_seller_finds_the_calls_of_one_buyer,
            history_is_filtered_by_whether_a_call_was_superseded,
            history_is_filtered_by_when_calls_were_recorded,
            a_cursor_goes_with_any_filters,
            the_ledger_is_filtered_by_types_and_direction,
            the_ledger_is_filtered_by_listing,
            the_ledger_is_filtered_by_call_and_by_settlement,
            the_ledger_is_filtered_by_when_entries_were_written,
        }
        $crate::journal_contract! { @suite $world, mock_payments:
            of_two_mock_quotes_for_a_call_the_first_is_kept,
            mock_payments_are_listed_oldest_first,
            a_mock_payment_replaces_the_one_with_its_reference_in_its_place,
        }
    };
    (@suite $world:expr, $suite:ident: $($rule:ident,)+) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let world = $world;
                $crate::contract::$suite::$rule(&world).await;
            }
        )+
    };
}
