//! The identity of a topic, as a number in a setting of it: Kafka's own topic id is not shown by the Rust client.
//!
//! The setting is set by the same request that makes the topic. It is about compacted topics, and a log is never
//! compacted, so the number changes nothing. It is there from the first moment, the same for everybody, and gone with
//! the topic. Its last four digits are the number of partitions that keys are spread over.

/// The identity of a topic and the number of its partitions, as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    number: u64,
    /// How many partitions keys were spread over from the start.
    pub(super) partitions: i32,
}

impl Seal {
    /// Where it is kept.
    pub(super) const SETTING: &str = "delete.retention.ms";
    /// Seals are never this small, and no person sets a time this long.
    const FLOOR: u64 = 1 << 40;
    const CEILING: u64 = 1 << 48;
    const PARTITIONS: u64 = 10_000;

    /// Of a topic that is about to be made.
    pub(super) fn random(partitions: i32) -> Self {
        let number = rand::random_range(Self::FLOOR..Self::CEILING);
        Self { number, partitions }
    }

    /// The seal of a topic, unless the setting is somebody's or nobody's.
    pub(super) fn read(setting: &str) -> Option<Self> {
        let setting: u64 = setting.parse().ok()?;
        let partitions = i32::try_from(setting % Self::PARTITIONS).ok()?;
        let number = setting / Self::PARTITIONS;
        ((Self::FLOOR..Self::CEILING).contains(&number) && partitions > 0)
            .then_some(Self { number, partitions })
    }

    /// As the setting has it.
    pub(super) fn setting(self) -> String {
        (self.number * Self::PARTITIONS + u64::from(self.partitions.unsigned_abs())).to_string()
    }

    /// What tells this topic from any other of its name.
    pub(super) fn generation(self) -> String {
        format!("{:x}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_survives_being_a_setting() {
        for partitions in [1, 12, 9_999] {
            let seal = Seal::random(partitions);

            assert_eq!(Seal::read(&seal.setting()), Some(seal));
        }
    }

    #[test]
    fn what_people_set_is_no_seal() {
        // Kafka's default of a day, a week, none, all the time there is.
        for setting in ["86400000", "604800000", "0", "-1", "9223372036854775807", "", "soon"] {
            assert_eq!(Seal::read(setting), None, "{setting}");
        }
    }
}
