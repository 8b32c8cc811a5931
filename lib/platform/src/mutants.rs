//! Known bugs, one at a time, for builds with the feature `mutants`: a checker that never found anything proves nothing.
//!
//! Without the feature there are none: [`is`] is always false, and the compiler leaves out what stands behind it.

#[cfg(feature = "mutants")]
use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};
use std::{fmt, str::FromStr};

/// How long a bug that only a crash shows waits for one.
pub const MOMENT: std::time::Duration = std::time::Duration::from_millis(50);

/// A bug that `mshub-bench torture` has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Broadcasts before the log has it.
    M1,
    /// Takes a message as often as it is sent.
    M2,
    /// Drops one frame in 97.
    M3,
    /// Takes the past as it was before it listened to the present.
    M4,
    /// Moves its place in the log on before it stores what is there.
    M5,
    /// Broadcasts in the order in which producers were told, not in that of the log.
    M6,
    /// Takes a position of another generation for one of this.
    M7,
    /// Acknowledges before it is on disk.
    M8,
}

/// Whether this process has that bug.
#[cfg(not(feature = "mutants"))]
pub const fn is(_: Mutant) -> bool {
    false
}

/// Whether this process has that bug, and it shows now: once in 97 times.
#[cfg(not(feature = "mutants"))]
pub const fn strikes(_: Mutant) -> bool {
    false
}

#[cfg(feature = "mutants")]
static CHOSEN: OnceLock<Mutant> = OnceLock::new();

/// Gives this process a bug, once.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Mutant) {
    CHOSEN.get_or_init(|| mutant);
}

/// Whether this process has that bug.
#[cfg(feature = "mutants")]
pub fn is(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(&mutant)
}

/// Whether this process has that bug, and it shows now: once in 97 times. That is a prime: of five sockets a hundredth
/// frame would always be the same one's.
#[cfg(feature = "mutants")]
pub fn strikes(mutant: Mutant) -> bool {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    is(mutant) && COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(97)
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::M1, Self::M2, Self::M3, Self::M4, Self::M5, Self::M6, Self::M7, Self::M8];
}

impl fmt::Display for Mutant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|mutant| mutant.to_string() == name);
        found.ok_or_else(|| format!("there is no mutant {name}: M1 to M8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_a_bug_that_nobody_chose() {
        assert!(Mutant::ALL.iter().all(|mutant| !is(*mutant) && !strikes(*mutant)));
    }
}
