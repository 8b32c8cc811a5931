//! The topic: made as the log needs it, or checked and refused with the command that mends it.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::time::Instant;

use super::{
    options::Options,
    reader::{Reader, Seen, Talk, is_refusal},
    seal::Seal,
};

/// How long a cluster may take to answer at all, and then to make a topic.
pub(super) const WITHIN: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_millis(100);

/// Settings without which the log would lose records or give them a time that clients chose.
const WANTED: [(&str, &str); 5] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
    ("message.timestamp.type", "LogAppendTime"),
    ("unclean.leader.election.enable", "false"),
];
const IN_STEP: &str = "min.insync.replicas";
/// The largest batch of records that the brokers take.
const LARGEST: &str = "max.message.bytes";
/// What Kafka lets it be by itself, and more than the producer makes a batch (1,000,000 bytes): below, a message that people
/// may write would be refused when it comes.
const LARGEST_BATCH: u32 = 1_048_588;

/// A topic that may be written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    /// Its name, prefix included.
    pub(super) name: String,
    /// How many partitions keys are spread over.
    pub(super) partitions: i32,
    /// Which one it is: another number after it was deleted and made again.
    pub(super) generation: String,
    /// Copies that must be in step for a record to be taken.
    pub(super) in_step: usize,
}

/// Makes the topic, or checks the one that is there.
pub(super) async fn open(reader: &Reader, options: &Options, topic: &str) -> Result<Topic, String> {
    let name = format!("{}{topic}", options.prefix);
    let seen = reached(reader, options, &name).await?;
    let cluster = Cluster { admin: admin(&options.client())?, options, name: &name };
    if seen.replicas.is_empty() {
        cluster.make(seen.brokers.len()).await?;
    }
    let seen = led(reader, &name).await?;
    let settings = cluster.settings().await?;
    cluster.check(&seen, &settings)
}

pub(super) fn admin(config: &ClientConfig) -> Result<AdminClient<Talk>, String> {
    use rdkafka::config::FromClientConfigAndContext;
    AdminClient::from_config_and_context(config, Talk).map_err(|error| error.to_string())
}

/// Waits for a cluster that is just starting.
async fn reached(reader: &Reader, options: &Options, name: &str) -> Result<Seen, String> {
    let deadline = Instant::now() + WITHIN;
    loop {
        match reader.seen(name).await {
            Ok(seen) if !seen.brokers.is_empty() => return Ok(seen),
            Ok(_) if Instant::now() < deadline => {}
            Err(KafkaError::MetadataFetch(code)) if is_passing(code) && Instant::now() < deadline => {}
            Ok(_) => return Err(format!("no broker is there at {}", options.brokers)),
            Err(error) if is_refusal(&error) => {
                return Err(format!(
                    "the brokers at {} let nobody in with this user or password, or want TLS or another sasl \
                     ({error})",
                    options.brokers
                ));
            }
            Err(error) => {
                return Err(format!(
                    "no broker answers at {} ({error}): is it running, and is this its address?",
                    options.brokers
                ));
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{
        AllBrokersDown, BrokerTransportFailure, LeaderNotAvailable, OperationTimedOut, RequestTimedOut,
    };
    matches!(
        code,
        AllBrokersDown | BrokerTransportFailure | LeaderNotAvailable | OperationTimedOut | RequestTimedOut
    )
}

/// Waits until every partition of a topic has a leader.
async fn led(reader: &Reader, name: &str) -> Result<Seen, String> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let seen = reader.seen(name).await;
        match seen {
            Ok(seen) if !seen.in_step.is_empty() && !seen.in_step.contains(&0) => return Ok(seen),
            _ if Instant::now() < deadline => tokio::time::sleep(AGAIN).await,
            Ok(seen) => {
                return Err(format!("topic {name} has partitions without a leader: {:?}", seen.in_step));
            }
            Err(error) => return Err(format!("topic {name} cannot be seen: {error}")),
        }
    }
}

struct Cluster<'a> {
    admin: AdminClient<Talk>,
    options: &'a Options,
    name: &'a str,
}

impl Cluster<'_> {
    /// Makes the topic. Whoever comes second finds it made.
    async fn make(&self, brokers: usize) -> Result<(), String> {
        let (partitions, replication) = (self.options.partitions(), self.options.replication(brokers));
        let settings = made_with(partitions, replication);
        let mut topic = NewTopic::new(self.name, partitions, TopicReplication::Fixed(replication));
        for (setting, value) in &settings {
            topic = topic.set(setting, value);
        }
        let limits = AdminOptions::new().request_timeout(Some(WITHIN)).operation_timeout(Some(WITHIN));
        let made = self.admin.create_topics([&topic], &limits).await.map_err(|error| error.to_string())?;
        match made.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, error))) => Err(format!(
                "topic {} cannot be made ({error}); let an administrator run: {}",
                self.name,
                self.make_command(partitions, replication, &settings)
            )),
            _ => Ok(()),
        }
    }

    fn make_command(&self, partitions: i32, replication: i32, settings: &[(&str, String)]) -> String {
        let settings: String =
            settings.iter().map(|(name, value)| format!(" --config {name}={value}")).collect();
        format!(
            "kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions {partitions} \
             --replication-factor {replication}{settings}",
            self.options.brokers, self.name
        )
    }

    /// The settings in force, whoever set them. A topic that was just made may not be known everywhere yet.
    async fn settings(&self) -> Result<ConfigResource, String> {
        let deadline = Instant::now() + WITHIN;
        let limits = AdminOptions::new().request_timeout(Some(WITHIN));
        loop {
            let asked = [ResourceSpecifier::Topic(self.name)];
            let told =
                self.admin.describe_configs(&asked, &limits).await.map_err(|error| error.to_string())?;
            match told.into_iter().next() {
                Some(Ok(settings)) if !settings.entries.is_empty() => return Ok(settings),
                Some(Err(error)) if error != RDKafkaErrorCode::UnknownTopicOrPartition => {
                    return Err(format!("the settings of topic {} cannot be read: {error}", self.name));
                }
                // A broker that has not heard of it yet: the library takes that for a topic without settings.
                _ if Instant::now() < deadline => tokio::time::sleep(AGAIN).await,
                _ => return Err(format!("topic {} tells no settings", self.name)),
            }
        }
    }

    fn check(&self, seen: &Seen, settings: &ConfigResource) -> Result<Topic, String> {
        let setting = |name: &str| settings.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or("");
        self.check_counts(seen, Seal::read(setting(Seal::SETTING)))?;

        let replicas = copies(seen);
        let in_step: usize = setting(IN_STEP).parse().unwrap_or(0);
        let mut wrong: Vec<(&str, String)> = WANTED
            .into_iter()
            .filter(|(name, wanted)| setting(name) != *wanted)
            .map(|(name, wanted)| (name, wanted.to_owned()))
            .collect();
        if setting(LARGEST).parse().unwrap_or(0) < LARGEST_BATCH {
            wrong.push((LARGEST, LARGEST_BATCH.to_string()));
        }
        if in_step < must_be_in_step(replicas) {
            wrong.push((IN_STEP, must_be_in_step(replicas).to_string()));
        }
        let Some(seal) = Seal::read(setting(Seal::SETTING)) else {
            wrong.push((Seal::SETTING, Seal::random(count(seen)).setting()));
            return Err(self.mend(&wrong, setting));
        };
        if !wrong.is_empty() {
            return Err(self.mend(&wrong, setting));
        }
        if count(seen) > seal.partitions {
            tracing::warn!(
                topic = self.name,
                used = seal.partitions,
                there = count(seen),
                "partitions were added to the log; they stay empty, because keys keep their places"
            );
        }
        let generation = seal.generation();
        Ok(Topic { name: self.name.to_owned(), partitions: seal.partitions, generation, in_step })
    }

    /// What the URL insists on, or says nothing of, and no setting can mend.
    fn check_counts(&self, seen: &Seen, seal: Option<Seal>) -> Result<(), String> {
        let (name, brokers) = (self.name, &self.options.brokers);
        let there = seal.map_or(count(seen), |seal| seal.partitions);
        if let Some(asked) = self.options.partitions_asked().filter(|asked| *asked != there) {
            let mend = match seal {
                None if asked > there => format!(
                    "kafka-topics.sh --bootstrap-server {brokers} --alter --topic {name} --partitions {asked}"
                ),
                _ => format!(
                    "say partitions={there} in the URL, or begin a new log under another prefix \
                     (the number cannot change: keys would leave their places)"
                ),
            };
            return Err(format!("topic {name} has {there} partitions, the URL asks for {asked}: {mend}"));
        }
        let replicas = copies(seen);
        let wanted = usize::try_from(self.options.replication(seen.brokers.len())).unwrap_or(1);
        let why = match self.options.replication_asked() {
            Some(asked) if wanted != replicas => format!("the URL asks for {asked}"),
            None if wanted > replicas && replicas > 1 => {
                // It may have been made while a broker was away, or not there yet.
                tracing::warn!(
                    topic = name,
                    copies = replicas,
                    wanted,
                    "the log has fewer copies than it could"
                );
                return Ok(());
            }
            None if wanted > replicas => {
                format!("with {} brokers the log has {wanted}, so that it outlives one", seen.brokers.len())
            }
            _ => return Ok(()),
        };
        Err(format!(
            "topic {name} has {replicas} copies, {why}: say replication={replicas} in the URL if that is meant, or let \
             an administrator write {} into a file and run: kafka-reassign-partitions.sh --bootstrap-server {brokers} \
             --execute --reassignment-json-file FILE",
            reassigned(name, seen, wanted)
        ))
    }

    fn mend<'s>(&self, wrong: &[(&str, String)], setting: impl Fn(&str) -> &'s str) -> String {
        let found: Vec<_> = wrong.iter().map(|(name, _)| format!("{name}={}", setting(name))).collect();
        let wanted: Vec<_> = wrong.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!(
            "topic {name} has {}, which a log cannot have; let an administrator run: kafka-configs.sh \
             --bootstrap-server {} --alter --entity-type topics --entity-name {name} --add-config {}",
            found.join(", "),
            self.options.brokers,
            wanted.join(","),
            name = self.name,
        )
    }
}

fn count(seen: &Seen) -> i32 {
    i32::try_from(seen.replicas.len()).unwrap_or(i32::MAX)
}

/// How many copies the partition has that has the fewest.
fn copies(seen: &Seen) -> usize {
    seen.replicas.iter().map(Vec::len).min().unwrap_or(0)
}

/// Where copies should be, so that there are so many, as Kafka's tool reads it: those that there are stay, and what is
/// missing comes to each of the other brokers in turn.
fn reassigned(name: &str, seen: &Seen, wanted: usize) -> serde_json::Value {
    let mut others = seen.brokers.iter().copied().cycle();
    let place = |(partition, replicas): (usize, &Vec<i32>)| {
        let mut replicas = replicas[..wanted.min(replicas.len())].to_vec();
        while replicas.len() < wanted.min(seen.brokers.len()) {
            replicas.extend(others.by_ref().find(|broker| !replicas.contains(broker)));
        }
        serde_json::json!({ "topic": name, "partition": partition, "replicas": replicas })
    };
    let partitions: Vec<_> = seen.replicas.iter().enumerate().map(place).collect();
    serde_json::json!({ "version": 1, "partitions": partitions })
}

/// One copy may be away without stopping the log; a record is still on all others.
fn must_be_in_step(replicas: usize) -> usize {
    replicas.saturating_sub(1).max(1)
}

fn made_with(partitions: i32, replication: i32) -> Vec<(&'static str, String)> {
    let in_step = must_be_in_step(usize::try_from(replication).unwrap_or(1));
    WANTED
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .chain([
            (LARGEST, LARGEST_BATCH.to_string()),
            (IN_STEP, in_step.to_string()),
            (Seal::SETTING, Seal::random(partitions).setting()),
        ])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_copies_but_one_must_be_in_step() {
        assert_eq!([0, 1, 2, 3, 5].map(must_be_in_step), [1, 1, 1, 2, 4]);
    }

    #[test]
    fn copies_that_are_missing_come_to_the_other_brokers_in_turn() {
        let seen =
            Seen { brokers: vec![4, 5, 6], replicas: vec![vec![5], vec![6], vec![4, 6]], in_step: vec![] };

        let two = reassigned("log", &seen, 2);
        let nine = reassigned("log", &seen, 9);

        let places = |said: &serde_json::Value| -> Vec<Vec<i64>> {
            let partitions = said["partitions"].as_array().unwrap().iter();
            partitions
                .map(|one| {
                    one["replicas"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
                })
                .collect()
        };
        assert_eq!(places(&two), [[5, 4], [6, 5], [4, 6]]);
        assert!(places(&nine).iter().all(|replicas| replicas.len() == 3), "{nine}");
        assert_eq!((&two["version"], &two["partitions"][1]["partition"]), (&1.into(), &1.into()));
        assert_eq!(two["partitions"][0]["topic"], "log");
    }
}
