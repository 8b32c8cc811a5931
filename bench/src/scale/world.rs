//! What the calculation takes for granted: how people behave, what was measured, what machines are like and cost.

use std::fmt;

use clap::Args;

/// Everything has a default that RESULTS.md measured or that is said here to be an assumption.
#[derive(Args, Clone, Debug)]
pub(crate) struct World {
    /// Assumed: messages that a person sends in an hour.
    #[arg(long, default_value_t = 12.0)]
    pub(super) messages_an_hour: f64,
    /// Assumed: the busiest minute over the mean.
    #[arg(long, default_value_t = 3.0)]
    pub(super) peak: f64,
    /// Assumed: who of a room is there when something is said in it.
    #[arg(long, default_value_t = 50.0)]
    pub(super) listeners: f64,
    /// A message of 128 bytes in the log.
    #[arg(long, default_value_t = 450.0)]
    pub(super) record_bytes: f64,
    /// The same in a frame, with the headers of TCP and IP.
    #[arg(long, default_value_t = 420.0)]
    pub(super) frame_bytes: f64,

    /// Measured: memory of a socket that waits, in KiB, in the gateway.
    #[arg(long, default_value_t = 4.2)]
    pub(super) socket_kib: f64,
    /// Assumed: the same in the kernel.
    #[arg(long, default_value_t = 4.0)]
    pub(super) kernel_kib: f64,
    /// Measured: CPU of a delivery, in µs, in a room of a hundred, on Kafka.
    #[arg(long, default_value_t = 3.3)]
    pub(super) delivery_us: f64,
    /// Measured as an upper bound: CPU of taking one message, in µs, until it is acknowledged.
    #[arg(long, default_value_t = 38.0)]
    pub(super) send_us: f64,
    /// Measured: CPU of a message, in µs, in a gateway where nobody is in its room, which reads the whole log: what a message
    /// takes of two gateways more than of one.
    #[arg(long, default_value_t = 4.2)]
    pub(super) read_us: f64,
    /// Measured: rows that a chat-worker keeps in a second, with every word in the index.
    #[arg(long, default_value_t = 18_000.0)]
    pub(super) rows: f64,
    /// Assumed, far below what one broker alone took here (250,000 in three): messages a second of one partition, with
    /// `acks=all` to brokers elsewhere.
    #[arg(long, default_value_t = 5_000.0)]
    pub(super) partition: f64,

    /// Assumed: cores of a machine.
    #[arg(long, default_value_t = 16.0)]
    pub(super) cores: f64,
    /// Assumed: its memory, in GiB.
    #[arg(long, default_value_t = 64.0)]
    pub(super) memory_gib: f64,
    /// Assumed: its network, in Gbit/s.
    #[arg(long, default_value_t = 10.0)]
    pub(super) network_gbit: f64,
    /// How much of any of these may be used: the rest is for a machine that is lost, and for those that come back.
    #[arg(long, default_value_t = 0.5)]
    pub(super) used: f64,
    /// Assumed: what it costs in an hour, in dollars.
    #[arg(long, default_value_t = 0.70)]
    pub(super) dollars_an_hour: f64,
    /// Assumed: a GB to people, in dollars.
    #[arg(long, default_value_t = 0.02)]
    pub(super) dollars_a_gb: f64,
    /// How many copies the log keeps.
    #[arg(long, default_value_t = 3.0)]
    pub(super) copies: f64,
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "A person sends {} messages an hour, {} times as many at the peak, to {} who listen. A socket takes {} + {} KiB, \
             a delivery {} µs, a message {} µs where it is sent and {} µs in every gateway. A machine has {} cores, {} GiB and \
             {} Gbit/s, of which {:.0} % are used, for ${} an hour; ${} a GB to people.",
            self.messages_an_hour,
            self.peak,
            self.listeners,
            self.socket_kib,
            self.kernel_kib,
            self.delivery_us,
            self.send_us,
            self.read_us,
            self.cores,
            self.memory_gib,
            self.network_gbit,
            self.used * 100.0,
            self.dollars_an_hour,
            self.dollars_a_gb,
        )
    }
}
