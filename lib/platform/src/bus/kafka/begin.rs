//! Making a log go on where another one ended, so that no position means two things.
//!
//! Kafka numbers from zero and lets nobody begin elsewhere. So every partition is filled up with records that say
//! nothing, which are then deleted: what is left is an empty log whose next position is the wanted one.

use rdkafka::{
    Offset, TopicPartitionList,
    admin::AdminOptions,
    consumer::{BaseConsumer, Consumer as _},
    message::Message as _,
};

use super::{
    Log, Shared,
    reader::{Extent, Talk},
    topic::{WITHIN, admin},
};

/// What fills: no fact, which begins with `{`.
const FILLER: &str = "-";
/// Records on their way at once.
const WINDOW: u64 = 10_000;

impl Log {
    /// Empties every partition up to a position, which it takes for itself. Harmless when repeated; refused when there is
    /// anything else in it.
    pub(crate) async fn begin_after(&self, pos: u64) -> Result<(), String> {
        let Shared { topic, reader, .. } = &*self.0;
        let extents =
            reader.extents(&topic.name, topic.partitions).await.map_err(|error| error.to_string())?;
        for extent in extents.iter().filter(|extent| extent.low < pos || extent.high > extent.low) {
            self.refuse_facts(extent).await?;
        }
        for extent in &extents {
            self.fill(extent.partition, extent.high, pos).await?;
        }
        let mut places = TopicPartitionList::new();
        for extent in &extents {
            let end = i64::try_from(pos.max(extent.low)).map_err(|error| error.to_string())?;
            places
                .add_partition_offset(&topic.name, extent.partition, Offset::Offset(end))
                .map_err(|error| error.to_string())?;
        }
        let limits = AdminOptions::new().request_timeout(Some(WITHIN)).operation_timeout(Some(WITHIN));
        let deleted = admin(&self.0.options.client())?.delete_records(&places, &limits).await;
        let deleted =
            deleted.map_err(|error| format!("the records before {pos} cannot be deleted: {error}"))?;
        match deleted.elements().iter().find_map(|element| element.error().err()) {
            Some(error) => Err(format!("the records before {pos} cannot be deleted: {error}")),
            None => Ok(()),
        }
    }

    async fn fill(&self, partition: i32, from: u64, to: u64) -> Result<(), String> {
        let mut waiting = Vec::new();
        for pos in from..to {
            waiting.push(
                self.0.producer.enqueue(partition, "", FILLER, None).map_err(|error| error.to_string())?,
            );
            if waiting.len() as u64 == WINDOW || pos + 1 == to {
                for pending in waiting.drain(..) {
                    pending.durable().await.map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Fails when the newest record of a partition is not one of ours.
    async fn refuse_facts(&self, extent: &Extent) -> Result<(), String> {
        let Extent { partition, low, high } = *extent;
        if high == low {
            return Ok(());
        }
        let (options, topic) = (self.0.options.clone(), self.0.topic.clone());
        let looked = tokio::task::spawn_blocking(move || -> Result<bool, String> {
            let why = |error: rdkafka::error::KafkaError| error.to_string();
            let consumer: BaseConsumer<Talk> =
                options.client().set("group.id", "mshub-migrate").create_with_context(Talk).map_err(why)?;
            let mut place = TopicPartitionList::new();
            let last = i64::try_from(high - 1).map_err(|error| error.to_string())?;
            place.add_partition_offset(&topic.name, partition, Offset::Offset(last)).map_err(why)?;
            consumer.assign(&place).map_err(why)?;
            let record = consumer.poll(WITHIN).ok_or("its newest record cannot be read")?.map_err(why)?;
            Ok(record.payload() == Some(FILLER.as_bytes()))
        });
        match looked.await.map_err(|error| error.to_string())?? {
            true => Ok(()),
            false => Err(format!(
                "topic {} has records of a hub in partition {partition}: a log goes on in an empty one; give another prefix=",
                self.0.topic.name
            )),
        }
    }
}
