//! The macro: an adapter and its claims become tests.

/// Judges an adapter: one `#[test]` a clause that follows from its claims.
///
/// The first argument makes the adapter, anew for every trial. Then what it claims:
///
/// ```text
/// conformance!(MyAdapter::new(), receives(ordered, transactional, two_way));
/// conformance!(MyAdapter::new(), sends(asynchronous, batched, transactional, two_way));
/// conformance!(MyAdapter::new(), sends(blocking));
/// conformance!(MyAdapter::new(), receives(), sends(asynchronous));
/// ```
///
/// A sender is first of all `asynchronous` or `blocking`, next it may be `batched`; the rest may
/// be left out. One more test, `clauses_not_claimed`, writes the clauses that are not judged to
/// standard error, so that nothing is skipped in silence; a clause that was never asked fails,
/// or writes so too. Two adapters in one file need a module
/// each.
#[macro_export]
macro_rules! conformance {
    ($adapter:expr, receives($($receives:ident),*) $(,)?) => {
        const CLAIMS: $crate::conformance::Claims = $crate::conformance::Claims {
            receives: Some($crate::conformance::Receives {
                $($receives: true,)*
                ..$crate::conformance::Receives::NONE
            }),
            sends: None,
        };
        $crate::conformance!(@receives $adapter; $($receives)*);
        #[test]
        fn clauses_not_claimed() {
            $crate::conformance::write_not_claimed(CLAIMS);
        }
    };
    ($adapter:expr, sends($($sends:ident),+) $(,)?) => {
        const CLAIMS: $crate::conformance::Claims = $crate::conformance::Claims {
            receives: None,
            sends: Some($crate::conformance::Sends {
                $($sends: true,)*
                ..$crate::conformance::Sends::NONE
            }),
        };
        $crate::conformance!(@sends $adapter; $($sends)*);
        #[test]
        fn clauses_not_claimed() {
            $crate::conformance::write_not_claimed(CLAIMS);
        }
    };
    ($adapter:expr, receives($($receives:ident),*), sends($($sends:ident),+) $(,)?) => {
        const CLAIMS: $crate::conformance::Claims = $crate::conformance::Claims {
            receives: Some($crate::conformance::Receives {
                $($receives: true,)*
                ..$crate::conformance::Receives::NONE
            }),
            sends: Some($crate::conformance::Sends {
                $($sends: true,)*
                ..$crate::conformance::Sends::NONE
            }),
        };
        $crate::conformance!(@receives $adapter; $($receives)*);
        $crate::conformance!(@sends $adapter; $($sends)*);
        #[test]
        fn clauses_not_claimed() {
            $crate::conformance::write_not_claimed(CLAIMS);
        }
    };
    (@tests $adapter:expr; $($name:ident)*) => {$(
        #[test]
        fn $name() {
            $crate::conformance::judge(stringify!($name), || $adapter, CLAIMS);
        }
    )*};
    (@receives $adapter:expr; $($claim:ident)*) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_01_names_the_location_of_every_submit
            r_adpt_01_submits_nothing_for_a_removed_location
            r_adpt_02_submits_no_object_twice_in_one_batch
            r_adpt_03_receives_alike_whichever_end_of_done_comes_first
            r_adpt_04_removes_sources_only_after_success
            r_adpt_04_lets_go_of_what_the_engine_took
            r_adpt_05_submits_innocents_again
            r_adpt_05_suspends_what_failed
            r_adpt_06_suspends_nothing_that_the_engine_handled
            r_adpt_15_terminates_with_no_batch_outstanding
            r_adpt_15_fetches_and_submits_nothing_after_terminate
            r_adpt_17_explains_what_it_suspends
            r_adpt_18_receives_alike_in_batches_of_any_size
            r_adpt_20_receives_alike_while_done_is_held
        }
        $($crate::conformance!(@receiving $adapter; $claim);)*
    };
    (@receiving $adapter:expr; ordered) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_20_submits_in_the_order_of_the_source
        }
    };
    (@receiving $adapter:expr; transactional) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_12_commits_a_receive_only_after_success
            r_adpt_12_confirms_a_receive_once_and_truly
        }
    };
    (@receiving $adapter:expr; two_way) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_03_answers_once_even_before_batch_complete
        }
    };
    (@sends $adapter:expr; asynchronous $($claim:ident)*) => {
        $crate::conformance!(@disposes $adapter; $($claim)*);
    };
    (@sends $adapter:expr; blocking batched $($claim:ident)*) => {
        $crate::conformance!(@disposes $adapter; batched $($claim)*);
    };
    (@sends $adapter:expr; blocking) => {
        $crate::conformance! { @tests $adapter;
            r_snd_06_answers_by_its_return_where_it_blocks
        }
        $crate::conformance!(@sender $adapter);
    };
    (@disposes $adapter:expr; $($claim:ident)*) => {
        $crate::conformance! { @tests $adapter;
            r_retry_04_gives_up_step_by_step
            r_adpt_03_sends_alike_whichever_end_of_done_comes_first
            r_adpt_05_disposes_of_innocents_again
            r_adpt_05_takes_the_next_step_when_one_is_refused
            r_adpt_07_disposes_of_every_message_exactly_once
            r_adpt_09_resubmits_only_with_retries_left
            r_adpt_09_resubmits_after_the_retry_interval
            r_adpt_15_deletes_what_was_sent
            r_adpt_17_explains_what_it_gives_back
            r_adpt_18_sends_alike_in_batches_of_any_size
            r_adpt_20_sends_alike_while_done_is_held
        }
        $crate::conformance!(@sender $adapter);
        $($crate::conformance!(@sending $adapter; $claim);)*
    };
    (@sender $adapter:expr) => {
        $crate::conformance! { @tests $adapter;
            r_snd_06_ends_only_what_the_wire_was_asked_for
            r_retry_03_transmits_once_an_attempt
            r_retry_04_ends_nothing_that_the_wire_refused
            r_adpt_08_leaves_alone_what_it_returned_true_for
            r_adpt_10_keeps_nothing_across_a_resubmit
            r_adpt_15_terminates_with_no_message_pending
            r_adpt_16_returns_from_callbacks_at_once
            r_adpt_19_sends_one_message_at_a_time
        }
    };
    (@sending $adapter:expr; batched) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_13_sorts_by_endpoint
            r_adpt_14_never_throws_from_transmit_message
            r_adpt_19_sends_mixed_batches_to_the_right_endpoints
            r_bsnd_02_transmits_only_after_done
        }
    };
    (@sending $adapter:expr; transactional) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_12_commits_a_send_only_after_success
            r_adpt_12_confirms_a_send_once_and_truly
            r_adpt_12_keeps_failures_out_of_the_transaction
            r_adpt_13_transmits_to_one_endpoint_a_transaction
        }
    };
    (@sending $adapter:expr; two_way) => {
        $crate::conformance! { @tests $adapter;
            r_adpt_11_submits_the_response_with_the_delete
        }
    };
}

#[cfg(test)]
mod tests {
    use super::super::CLAUSES;

    #[test]
    fn the_macro_makes_a_test_of_every_clause() {
        let source = include_str!("kit.rs");
        for clause in CLAUSES {
            let lines = source.lines().filter(|line| line.trim() == clause.name).count();
            assert_eq!(lines, 1, "{} stands once in the macro", clause.name);
        }
    }
}
