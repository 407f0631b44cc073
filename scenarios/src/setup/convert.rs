//! The plan's words as the engine's and the simulator's types.

use floodgate_engine::config::{
    HostSettings, OrchestrationQueue, ReceiveSettings, SendSettings, Watermarks,
};
use floodgate_engine::message::{DefectKind, PropertyTable, Value};
use floodgate_engine::pipeline::Stage;
use floodgate_engine::subscription::{Condition, Filter, Operator, PortState};
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::setup::{Discipline, DoneOrder, Failure};

use crate::plan;

pub(super) fn position<'a>(mut names: impl Iterator<Item = &'a String>, name: &str) -> usize {
    names.position(|known| known == name).expect("names were checked when the scenario was read")
}

pub(super) fn host_settings(host: &plan::host::Host) -> HostSettings {
    let throttling = host.throttling.as_ref().map(super::throttling::throttle_settings);
    let memory = throttling.and_then(|own| own.memory);
    HostSettings {
        poll: host.poll,
        poll_first: host.poll_first,
        dequeue_threads: host.dequeue_threads,
        dequeue_batch: host.dequeue_batch,
        internal_queue: host.internal_queue,
        in_process: host.in_process,
        threads: host.threads,
        threads_start: host.threads_start,
        thread_growth: host.thread_growth,
        thread_idle: host.thread_idle,
        engine_batch: host.engine_batch,
        batch_queue: host.batch_queue,
        watermarks: host.watermarks.map(|own| Watermarks { high: own.high, low: own.low }),
        orchestration_queue: host
            .orchestration_queue
            .map(|own| OrchestrationQueue { pause_at: own.pause_at, resume_at: own.resume_at }),
        fault_tolerance: host.fault_tolerance,
        tracking: host.tracking,
        throttling,
        dehydration: (host.dehydration.as_ref())
            .map(|own| super::dehydration::dehydration(own, memory)),
    }
}

pub(super) fn receive_adapter(adapter: &plan::receive::ReceiveAdapter) -> ReceiveSettings {
    ReceiveSettings {
        batch_messages: adapter.batch,
        batch_bytes: adapter.batch_bytes.unwrap_or(u64::MAX),
        poll: adapter.poll,
        notify: adapter.notify,
        batches: adapter.batches,
    }
}

pub(super) fn send_name(adapter: &plan::send_adapter::SendAdapter) -> &'static str {
    match adapter.kind {
        plan::send_adapter::SendKind::File => "FILE",
        plan::send_adapter::SendKind::Http => "HTTP",
        plan::send_adapter::SendKind::Sync => "SYNC",
        plan::send_adapter::SendKind::Synthetic => "SYNTHETIC",
    }
}

pub(super) fn send_adapter(adapter: &plan::send_adapter::SendAdapter) -> SendSettings {
    use plan::send_adapter::SendKind;
    let (completion_batch, completion_wait) = (adapter.completion.as_ref())
        .map_or((1, Duration::ZERO), |completion| (completion.batch, completion.wait));
    SendSettings {
        blocking: adapter.blocking,
        batched: adapter.batched,
        batch: adapter.batch,
        // FILE documents its batch of 20 as fixed (R-BSND-07); a synthetic adapter gets what it
        // asks for.
        fixed_batch: matches!(adapter.kind, SendKind::File | SendKind::Synthetic),
        workers: adapter.workers,
        completion_batch,
        completion_wait,
        resolves: adapter.resolves,
    }
}

pub(super) fn port_state(state: plan::send::PortState) -> PortState {
    match state {
        plan::send::PortState::Bound => PortState::Bound,
        plan::send::PortState::Started => PortState::Started,
        plan::send::PortState::Stopped => PortState::Stopped,
    }
}

pub(super) fn stage(stage: plan::load::Stage) -> Stage {
    match stage {
        plan::load::Stage::Assemble => Stage::Assemble,
        plan::load::Stage::Decode => Stage::Decode,
        plan::load::Stage::Disassemble => Stage::Disassemble,
        plan::load::Stage::Map => Stage::Map,
        plan::load::Stage::ResolveParty => Stage::ResolveParty,
        plan::load::Stage::Validate => Stage::Validate,
    }
}

pub(super) fn defect_kind(wrong: plan::load::Wrong) -> DefectKind {
    match wrong {
        plan::load::Wrong::Forged => DefectKind::Forged,
        plan::load::Wrong::Invalid => DefectKind::Invalid,
        plan::load::Wrong::Unreadable => DefectKind::Unreadable,
        plan::load::Wrong::Unrecognised => DefectKind::Unrecognised,
    }
}

pub(super) fn discipline(discipline: plan::server::Discipline) -> Discipline {
    match discipline {
        plan::server::Discipline::Fcfs => Discipline::FirstComeFirstServed,
        plan::server::Discipline::ProcessorSharing => Discipline::ProcessorSharing,
    }
}

pub(super) fn done_order(order: plan::scenario::DoneOrder) -> DoneOrder {
    match order {
        plan::scenario::DoneOrder::CompleteFirst => DoneOrder::CompleteFirst,
        plan::scenario::DoneOrder::Drawn => DoneOrder::Drawn,
        plan::scenario::DoneOrder::ReturnFirst => DoneOrder::ReturnFirst,
    }
}

pub(super) fn failure(failure: &plan::send::Failure) -> Failure {
    match failure {
        plan::send::Failure::Always => Failure::Always,
        plan::send::Failure::Every(nth) => Failure::Every(*nth),
        plan::send::Failure::First(attempts) => Failure::First(*attempts),
        plan::send::Failure::PerMille(share) => Failure::PerMille(*share),
    }
}

pub(super) fn dist(distribution: &plan::distribution::Distribution) -> Dist {
    use plan::distribution::Distribution;
    match distribution {
        Distribution::Constant(value) => Dist::Constant(*value),
        Distribution::Erlang(own) => Dist::Erlang { mean: own.mean, shape: own.shape },
        Distribution::Exponential(mean) => Dist::Exponential { mean: *mean },
        Distribution::Lognormal(own) => Dist::Lognormal { mean: own.mean, scv: own.scv },
        Distribution::Pareto(own) => Dist::Pareto { mean: own.mean, shape: own.shape },
        Distribution::Uniform(own) => Dist::Uniform { low: own.low, high: own.high },
    }
}

pub(super) fn filter(filter: &plan::filter::Filter, properties: &mut PropertyTable) -> Filter {
    let mut condition = |own: &plan::filter::Condition| Condition {
        property: properties.intern(&own.property),
        operator: operator(own.operator),
        value: own.value.as_ref().map_or(Value::Bool(true), value),
    };
    let groups = filter.groups.iter().map(|group| group.iter().map(&mut condition).collect());
    Filter { groups: groups.collect() }
}

pub(super) fn operator(operator: plan::filter::Operator) -> Operator {
    match operator {
        plan::filter::Operator::BitwiseAnd => Operator::BitwiseAnd,
        plan::filter::Operator::Equal => Operator::Equals,
        plan::filter::Operator::Exists => Operator::Exists,
        plan::filter::Operator::Greater => Operator::Greater,
        plan::filter::Operator::GreaterOrEqual => Operator::GreaterOrEqual,
        plan::filter::Operator::Less => Operator::Less,
        plan::filter::Operator::LessOrEqual => Operator::LessOrEqual,
        plan::filter::Operator::NotEqual => Operator::NotEquals,
    }
}

pub(super) fn value(value: &plan::filter::FilterValue) -> Value {
    match value {
        plan::filter::FilterValue::Bool(value) => Value::Bool(*value),
        plan::filter::FilterValue::Integer(value) => Value::Int(*value),
        plan::filter::FilterValue::Text(value) => Value::text(value),
    }
}

/// The price list, by name.
pub(super) fn costs(own: &plan::cost::Costs) -> Costs {
    Costs {
        receive_batch: own.receive_batch,
        receive_message: own.receive_message,
        receive_kb: own.receive_kb,
        xml_message: own.xml_message,
        xml_kb: own.xml_kb,
        map_message: own.map_message,
        map_kb: own.map_kb,
        map_file_kb: own.map_file_kb,
        send_batch: own.send_batch,
        send_message: own.send_message,
        send_kb: own.send_kb,
        completion_batch: own.completion_batch,
        completion_message: own.completion_message,
        sql_transaction: own.sql_transaction,
        sql_row: own.sql_row,
        sql_kb: own.sql_kb,
        idle_look: own.idle_look,
        lock_transaction: own.lock_transaction,
        lock_row: own.lock_row,
        lock_kb: own.lock_kb,
        sql_instance: own.sql_instance,
        lock_instance: own.lock_instance,
        instance_overlap: own.instance_overlap,
        enlist_cpu: own.enlist_cpu,
        enlist_sql: own.enlist_sql,
        enlist_lock: own.enlist_lock,
        route_cpu: own.route_cpu,
        route_document: own.route_document,
        link_transaction: own.link_transaction,
        link_row: own.link_row,
        link_kb: own.link_kb,
        log_transaction: own.log_transaction,
        log_row: own.log_row,
        log_kb: own.log_kb,
        data_transaction: own.data_transaction,
        data_row: own.data_row,
        data_kb: own.data_kb,
        data_cold_row: own.data_cold_row,
        collect_sql_row: own.collect_sql_row,
        collect_row: own.collect_row,
        collect_cold_row: own.collect_cold_row,
        track_work_row: own.track_work_row,
        track_sql_row: own.track_sql_row,
        track_data_row: own.track_data_row,
        track_data_cold_row: own.track_data_cold_row,
        track_data_body: own.track_data_body,
        track_data_kb: own.track_data_kb,
        runtime_pause: own.runtime_pause,
        forced_collection: own.forced_collection,
    }
}
