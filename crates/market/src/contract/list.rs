//! The lists of all rules, as tests.

/// Makes one `#[tokio::test]` of every rule of [`Identities`](crate::ports::Identities). `$world` is evaluated anew in
/// each, inside an async function, so it may await. The calling crate needs tokio with `macros` and `rt`.
#[macro_export]
macro_rules! identities_contract {
    ($world:expr) => {
        $crate::market_contract_suite! { $world, registering:
            a_challenge_is_consumed_once,
            of_fifty_attempts_that_race_for_a_challenge_one_consumes_it,
            a_registration_is_read_back_as_it_was_recorded,
            who_there_is_not_is_answered_with_nothing,
            a_wallet_registers_once_and_a_second_attempt_leaves_nothing_behind,
            of_registrations_that_race_for_a_wallet_one_is_recorded,
            what_a_profile_says_of_itself_is_changed_and_nothing_else,
            of_two_changes_at_once_to_a_profile_both_stay,
        }
        $crate::market_contract_suite! { $world, keys:
            a_key_authenticates_its_profile,
            a_key_keeps_its_scopes_its_name_and_its_end,
            an_expired_key_is_refused,
            a_revoked_key_is_refused_and_no_longer_listed,
            nobody_revokes_the_key_of_another_profile,
            keys_are_listed_newest_first,
            a_fresh_key_can_revoke_all_others_of_its_profile,
            a_profile_has_no_more_valid_keys_than_it_may,
            only_a_valid_key_of_the_same_profile_mints_another,
            no_key_that_a_revoked_one_mints_survives_a_fresh_key_that_revokes_all,
        }
        $crate::market_contract_suite! { $world, wallets:
            wallets_are_listed_oldest_first,
            the_catalogue_sees_the_wallets_as_they_are,
            a_wallet_belongs_to_one_profile,
            of_profiles_that_race_to_link_a_wallet_one_gets_it,
            a_chain_has_one_primary_wallet,
            of_wallets_that_race_to_be_primary_one_is,
            a_change_leaves_what_it_does_not_mention,
            nobody_changes_the_wallet_of_another_profile,
            the_last_recovery_wallet_stays,
            two_changes_that_race_never_remove_both_recovery_wallets,
        }
    };
}

/// Makes one `#[tokio::test]` of every rule of [`Catalogue`](crate::ports::Catalogue), like [`identities_contract!`].
#[macro_export]
macro_rules! catalogue_contract {
    ($world:expr) => {
        $crate::market_contract_suite! { $world, listing_challenges:
            the_one_open_challenge_needs_no_name,
            of_several_open_challenges_one_has_to_be_named,
            a_profile_has_only_so_many_challenges_open,
            challenges_that_race_to_be_opened_keep_the_limit,
            an_expired_challenge_is_not_open,
            nobody_takes_the_challenge_of_another_profile,
            of_attempts_that_race_for_a_listing_challenge_one_takes_it,
        }
        $crate::market_contract_suite! { $world, publishing:
            categories_come_in_their_order,
            a_listing_is_found_by_its_id_and_its_slug,
            a_listing_is_found_whatever_its_status,
            a_listing_that_there_is_not_is_answered_with_nothing,
            a_slug_is_used_once_by_whomever,
            of_listings_that_race_for_a_slug_one_gets_it,
        }
        $crate::market_contract_suite! { $world, changing:
            a_change_replaces_all_of_a_listing,
            a_change_of_an_older_revision_is_stale,
            a_change_of_a_listing_that_is_not_there_is_stale,
            of_changes_that_race_on_one_revision_one_is_written,
            a_listing_and_its_endpoint_change_together_or_not_at_all,
            a_change_can_bring_the_first_endpoint,
        }
        $crate::market_contract_suite! { $world, endpoints:
            an_endpoint_is_read_back_as_it_was_recorded,
            an_endpoint_is_replaced_as_a_whole,
            the_first_endpoint_has_revision_one,
            of_changes_of_an_endpoint_that_race_one_is_written,
        }
        $crate::market_contract_suite! { $world, removing:
            a_draft_that_was_never_called_is_gone_and_its_endpoint_stays_for_a_call_that_raced,
            a_draft_that_was_called_is_gone_and_its_endpoint_stays_for_paid_calls,
            the_slug_of_a_deleted_listing_is_never_used_again,
            an_active_listing_is_suspended_by_its_owner,
            an_operators_suspension_stays_the_operators,
            nobody_removes_the_listing_of_another_profile,
            of_removals_that_race_one_suspends,
        }
        $crate::market_contract_suite! { $world, searching:
            everybody_finds_active_listings_only,
            an_owner_finds_all_of_its_own_and_nothing_else,
            a_listing_comes_with_its_provider_its_category_and_whether_it_can_be_called,
            a_category_is_named_by_its_id_or_its_slug,
            listings_are_filtered_by_their_pricing_model,
            listings_are_filtered_by_tags_delivery_provider_and_price,
            an_owner_asks_for_drafts_alone,
            listings_are_sorted_as_asked,
            pages_follow_on_one_another_and_end,
            a_crawl_by_cursors_sees_each_listing_once_whatever_is_published_meanwhile,
            the_order_of_relevance_has_pages_and_no_cursors,
        }
        $crate::market_contract_suite! { $world, words:
            every_word_has_to_be_found_in_name_tags_description_or_documentation,
            the_last_word_may_be_the_beginning_of_one,
            english_words_are_found_in_any_form,
            what_is_in_quotes_has_to_follow_on_one_another,
            what_has_a_minus_must_not_be_found,
            scripts_without_spaces_are_found_anywhere,
            accents_case_and_forms_of_letters_do_not_count,
            with_few_matches_words_count_that_are_nearly_the_same,
            enough_matches_need_nothing_near,
            relevance_goes_from_the_name_to_the_documentation,
            of_equals_in_relevance_the_more_popular_comes_first_and_then_the_newer,
            a_change_is_found_and_what_was_before_is_not,
            no_text_breaks_the_search,
            a_listing_with_the_longest_texts_is_published_and_found,
        }
    };
}

/// One suite of either.
#[doc(hidden)]
#[macro_export]
macro_rules! market_contract_suite {
    ($world:expr, $suite:ident: $($rule:ident,)+) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let world = $world;
                $crate::contract::$suite::$rule(&world).await;
            }
        )+
    };
}
