//! What an operator does while a world runs: each act takes no time, and all who watch see it.

use floodgate_engine::host::{HostInput, HostInstance};
use floodgate_engine::id::{
    HostInstanceId, MessageBoxId, OrchestrationId, SendPortGroupId, SendPortId, ServerId,
};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{
    BoxRefusal, InstanceOperation, InstanceRefusal, Operated, PortOperation, PortRefusal,
    SavedMessage, ServiceInstance, ServiceInstanceId,
};
use floodgate_engine::subscription::PortState;
use floodgate_engine::throttle::Throttle;
use floodgate_engine::time::{Duration, Instant};

use super::{Due, Now, World};

/// How often the master's job runs (R-GC-02).
const MASTER_JOB_EVERY: Duration = Duration::from_secs(60);

/// What became of an operator's act on an instance, as an operator sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acted {
    /// It is done, or under way.
    Done,
    /// It waits for a host instance to let go (R-MBX-05).
    Pending,
}

impl World {
    /// Throttles a host instance from now on, or lets it go (R-THR-03).
    pub fn throttle(&mut self, instance: HostInstanceId, throttle: Throttle) {
        self.checks.throttles(instance, holds_publishing(&throttle));
        self.ring.push_back(Now::Host(instance, HostInput::Throttle(throttle)));
    }

    /// An operator resumes what is suspended at `port`; returns how many references (R-MBX-08).
    pub fn resume(&mut self, port: SendPortId) -> usize {
        let resumed = self.message_box.resume(port);
        self.operated();
        resumed
    }

    /// An operator resumes an orchestration's suspended instances (R-ADD-01); returns how many.
    pub fn resume_orchestration(&mut self, id: OrchestrationId) -> usize {
        let subscriber = self.topology.subscriber_of_orchestration(id);
        let resumed = self.message_box.resume_orchestration(subscriber);
        self.operated();
        resumed
    }

    /// An operator terminates what is suspended at `port`; returns how many references went.
    pub fn terminate(&mut self, port: SendPortId) -> usize {
        let terminated = self.message_box.terminate(port);
        self.operated();
        terminated
    }

    /// An operator enlists, starts, stops or unenlists a send port (R-SUB-09).
    ///
    /// # Errors
    /// [`PortRefusal`]; nothing is changed.
    pub fn operate_port(
        &mut self,
        port: SendPortId,
        operation: PortOperation,
    ) -> Result<PortState, PortRefusal> {
        let state = self.message_box.operate_port(port, operation);
        self.operated();
        state
    }

    /// An operator enlists, starts, stops or unenlists a send port group (R-SUB-09, R-SUB-11).
    ///
    /// # Errors
    /// [`PortRefusal`]; nothing is changed.
    pub fn operate_group(
        &mut self,
        group: SendPortGroupId,
        operation: PortOperation,
    ) -> Result<PortState, PortRefusal> {
        let state = self.message_box.operate_group(group, operation);
        self.operated();
        state
    }

    /// Every service instance as it stands.
    #[must_use]
    pub fn service_instances(&self) -> Vec<ServiceInstance> {
        self.message_box.service_instances(self.now)
    }

    /// What an instance holds, to be kept before it is terminated (R-MBX-13, R-ADD-03).
    #[must_use]
    pub fn save(&self, id: ServiceInstanceId) -> Vec<SavedMessage> {
        self.message_box.save(id)
    }

    /// An operator suspends, resumes or terminates one instance (R-MBX-08).
    ///
    /// # Errors
    /// [`InstanceRefusal`]; nothing is changed.
    pub fn operate(
        &mut self,
        id: ServiceInstanceId,
        operation: InstanceOperation,
    ) -> Result<Acted, InstanceRefusal> {
        let operated = self.message_box.operate(self.now, id, operation)?;
        self.operated();
        let acted = match operated {
            Operated::Done => Acted::Done,
            Operated::Pending => Acted::Pending,
            Operated::Publish(batch) => {
                self.commit_batch(HostInstanceId::default(), batch);
                Acted::Done
            }
            Operated::Submit { number, wire } => {
                self.resubmit_suspended(number, wire);
                Acted::Done
            }
        };
        self.watch_reports();
        Ok(acted)
    }

    /// A host instance of the message's location runs its pipeline again (INV-61). Without one
    /// the message waits on.
    fn resubmit_suspended(&mut self, number: u64, wire: Box<WireMessage>) {
        let uri = wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION);
        let mut locations = self.topology.receive_locations.iter();
        let location = locations.find(|known| uri == Some(&Value::text(&known.name)));
        let host = location.map(|location| location.host);
        let instance = self.instances.iter().position(|one| Some(one.host()) == host);
        match instance.map(HostInstanceId::from) {
            None => self.message_box.cancel_resume(number),
            Some(instance) => {
                let input = HostInput::ResumeSuspended { number, wire };
                self.ring.push_back(Now::Host(instance, input));
            }
        }
    }

    /// The master's job runs when it will find something.
    #[cold]
    pub(super) fn watch_reports(&mut self) {
        if self.jobs_run && self.message_box.has_settled_reports() && !self.master_job_due {
            self.master_job_due = true;
            let period = MASTER_JOB_EVERY.as_nanos();
            let next = (self.now.as_nanos() / period + 1) * period;
            self.schedule(Instant::from_nanos(next), Due::MasterJob);
        }
    }

    /// Operations_OperateOnInstances_OnMaster (R-ROUTE-03).
    #[cold]
    pub(super) fn run_master_job(&mut self) {
        self.master_job_due = false;
        self.message_box.operate_on_instances();
        self.operated();
    }

    /// A MessageBox goes offline, or comes back (R-ADD-02).
    pub fn set_offline(&mut self, home: MessageBoxId, offline: bool) {
        self.message_box.set_offline(home, offline);
        self.checks.turns_change(&self.message_box);
        self.operated();
    }

    /// An operator disables or enables new message publication in a MessageBox; it takes effect
    /// when the caches are refreshed (R-MMB-04, R-MMB-05).
    pub fn set_publishes(&mut self, home: MessageBoxId, publishes: bool) {
        let at = self.now + self.topology.policy.cache_refresh;
        self.schedule(at, Due::Publishes { home: home.0, publishes });
    }

    #[cold]
    pub(super) fn publishes_now(&mut self, home: u32, publishes: bool) {
        self.message_box.set_publishes(MessageBoxId(home), publishes);
        self.checks.turns_change(&self.message_box);
    }

    /// Adds a MessageBox on a server, while nothing is enlisted (R-MMB-07).
    ///
    /// # Errors
    /// [`BoxRefusal`]; nothing is changed.
    pub fn add_message_box(&mut self, server: ServerId) -> Result<MessageBoxId, BoxRefusal> {
        let home = self.message_box.add_box()?;
        self.stores.add_box(self.measured);
        self.tracking.add_box();
        self.databases.push(server);
        self.instances.iter_mut().for_each(HostInstance::add_message_box);
        self.checks.turns_change(&self.message_box);
        Ok(home)
    }
}

/// Whether a throttle holds back what publishes.
pub(super) fn holds_publishing(throttle: &Throttle) -> bool {
    !throttle.publishing_delay.is_zero() || throttle.threads_less > 0
}
