//! What a job child may still do once it has locked itself up: limits everywhere, Landlock and seccomp on Linux.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
use crate::syscalls::{self, Inmate};
use crate::{Error, Format, Limits};

/// How well the children that read documents are locked up, the least first.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sandbox {
    /// Memory, time and size only: files, programs and the network are open.
    #[default]
    Limits,
    /// Only the document, the folder of the result and the fonts, and no programs; not every kind of network is shut.
    Landlock,
    /// The same, no network of any kind, and nothing of other processes.
    Full,
}

impl Sandbox {
    /// Every level, the least first.
    pub const ALL: [Sandbox; 3] = [Sandbox::Limits, Sandbox::Landlock, Sandbox::Full];

    /// The name on the wire and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Sandbox::Limits => "limits",
            Sandbox::Landlock => "landlock",
            Sandbox::Full => "full",
        }
    }

    fn of(files: bool, calls: bool) -> Sandbox {
        match (files, calls) {
            (true, true) => Sandbox::Full,
            (true, false) => Sandbox::Landlock,
            (false, _) => Sandbox::Limits,
        }
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A level that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no level of a sandbox; there are {list}", list = Sandbox::ALL.map(Sandbox::code).join(", "))]
pub struct UnknownSandbox(pub String);

impl FromStr for Sandbox {
    type Err = UnknownSandbox;

    fn from_str(name: &str) -> Result<Sandbox, UnknownSandbox> {
        let found = Sandbox::ALL.into_iter().find(|level| level.code() == name);
        found.ok_or_else(|| UnknownSandbox(name.to_owned()))
    }
}

/// How well job children are locked up on this machine: what its kernel was seen to do.
pub fn sandbox_level() -> Sandbox {
    #[cfg(target_os = "linux")]
    return Sandbox::of(landlocked::holds_files(), syscalls::held());
    #[cfg(not(target_os = "linux"))]
    Sandbox::of(false, false)
}

/// What a document of this format has to be locked up with, of what is required. Plain text and tables of text name nothing
/// and hold nothing, and a few lines of code read them.
pub(crate) fn needed(format: Format, required: Sandbox) -> Sandbox {
    match format {
        Format::Txt | Format::Md | Format::Csv | Format::Tsv | Format::Json => Sandbox::Limits,
        _ => required,
    }
}

/// An office suite that shall run locked up.
#[derive(Copy, Clone)]
pub(crate) struct Suite<'a> {
    /// Its `soffice`; its libraries are around it.
    pub(crate) program: &'a Path,
    /// The folder in which it may do as it likes.
    pub(crate) own: &'a Path,
}

/// Takes every network interface but a dead loopback away from this process, where the machine lets people do that;
/// whether it did. To be called before there are threads.
pub(crate) fn leave_network() -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags, set_capabilities};
        #[expect(deprecated, reason = "the other one is unsafe for the sake of a flag that is not used here")]
        let left = rustix::thread::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET).is_ok();
        if left {
            // In a world of one's own one may do everything, which is more of the kernel than anybody needs here.
            let nothing = CapabilitySet::empty();
            let sets = CapabilitySets { effective: nothing, permitted: nothing, inheritable: nothing };
            let _ = set_capabilities(None, sets);
        }
        left
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Locks up this process, and all that it starts, for good. `inputs` stay readable, `output_dir` writable, and nothing
/// can be executed but what belongs to the office suite, if there is one.
///
/// # Errors
/// `Exposed` where less than `needed` can be had.
pub(crate) fn enter(
    limits: &Limits,
    needed: Sandbox,
    inputs: &[&Path],
    output_dir: &Path,
    office: Option<Suite<'_>>,
) -> Result<(), Error> {
    #[cfg(unix)]
    limit(limits)?;
    #[cfg(target_os = "linux")]
    let has = {
        rustix::thread::set_no_new_privs(true).map_err(std::io::Error::from)?;
        landlocked::enter(inputs, Some(output_dir), office).map_err(|detail| Error::Io { detail })?;
        let inmate = if office.is_some() { Inmate::Office } else { Inmate::Ours };
        Sandbox::of(landlocked::holds_files(), syscalls::enter(inmate).is_ok())
    };
    #[cfg(not(target_os = "linux"))]
    let has = {
        let _ = (inputs, output_dir, office);
        Sandbox::Limits
    };
    #[cfg(not(unix))]
    let _ = limits;
    if has < needed { Err(Error::Exposed { has, needs: needed }) } else { Ok(()) }
}

/// Locks up the calling thread, and all that it starts, further: it keeps what belongs to the office suite, and loses the
/// inputs and the folder of the output.
pub(crate) fn keep_to(office: Suite<'_>) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    landlocked::enter(&[], None, Some(office)).map_err(|detail| Error::Io { detail })?;
    #[cfg(not(target_os = "linux"))]
    let _ = office;
    Ok(())
}

#[cfg(unix)]
fn limit(limits: &Limits) -> Result<(), Error> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let wanted = [
        #[cfg(target_os = "linux")]
        (Resource::As, limits.memory),
        (Resource::Cpu, limits.cpu.as_secs().max(1)),
        (Resource::Fsize, limits.file),
        (Resource::Nofile, limits.files),
        (Resource::Core, 0),
    ];
    for (resource, amount) in wanted {
        // A hard limit that is lower already stays: it cannot be raised.
        let amount = getrlimit(resource).maximum.map_or(amount, |hard| hard.min(amount));
        let limit = Rlimit { current: Some(amount), maximum: Some(amount) };
        setrlimit(resource, limit).map_err(std::io::Error::from)?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod landlocked {
    use std::path::Path;
    use std::sync::OnceLock;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr, RulesetError,
    };

    use super::Suite;
    use crate::builtin::FONT_FOLDERS;
    use crate::libreoffice::SOCKETS;

    /// The newest rules we know; an older kernel applies those it knows, too.
    const NEWEST: ABI = ABI::V5;

    const PROGRAMS: [&str; 5] = ["/usr", "/bin", "/lib", "/lib64", "/nix/store"];
    const CONFIGURATION: [&str; 12] = [
        "/etc/fonts",
        "/etc/ld.so.cache",
        "/etc/libreoffice",
        "/etc/localtime",
        "/etc/nsswitch.conf",
        "/etc/papersize",
        "/etc/passwd",
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/var/cache/fontconfig",
        "/var/lib/libreoffice",
        "/var/spool/libreoffice",
    ];
    const DEVICES: [&str; 4] = ["/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"];

    pub(super) fn holds_files() -> bool {
        static HOLDS: OnceLock<bool> = OnceLock::new();
        *HOLDS.get_or_init(|| {
            required().handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create).is_ok()
        })
    }

    /// Rules that the kernel has to know.
    fn required() -> Ruleset {
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement)
    }

    pub(super) fn enter(
        inputs: &[&Path],
        output_dir: Option<&Path>,
        office: Option<Suite<'_>>,
    ) -> Result<(), String> {
        restrict(inputs, output_dir, office)
            .map_err(|error| format!("the sandbox cannot be entered: {error}"))
    }

    fn restrict(
        inputs: &[&Path],
        output_dir: Option<&Path>,
        office: Option<Suite<'_>>,
    ) -> Result<(), RulesetError> {
        let read_file: BitFlags<AccessFs> = AccessFs::ReadFile.into();
        let read_tree = AccessFs::ReadFile | AccessFs::ReadDir;
        let write_tree = AccessFs::ReadFile
            | AccessFs::WriteFile
            | AccessFs::MakeReg
            | AccessFs::RemoveFile
            | AccessFs::Truncate;
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .create()?;
        let rules = FONT_FOLDERS
            .iter()
            .map(|folder| (Path::new(folder), read_tree))
            .chain(inputs.iter().map(|input| (*input, read_file)))
            .chain(output_dir.map(|folder| (folder, write_tree)))
            .chain(office.map(suite).into_iter().flatten());
        for (path, access) in rules {
            // A folder that is not there needs no rule.
            if let Ok(fd) = PathFd::new(path) {
                ruleset = ruleset.add_rule(PathBeneath::new(fd, access))?;
            }
        }
        ruleset.restrict_self().map(drop)
    }

    /// What an office suite needs: the system's programs and libraries, its own, a few devices, and a folder in which it
    /// may do as it likes. Of the configuration it sees what is nobody's secret.
    fn suite(Suite { program, own }: Suite<'_>) -> Vec<(&Path, BitFlags<AccessFs>)> {
        let run_tree = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
        let anything = AccessFs::from_all(NEWEST) & !AccessFs::Execute;
        let home = program.parent().and_then(Path::parent).unwrap_or(program);
        // It listens there for a second instance, whatever TMPDIR says, and starts anew once when its profile is new: it
        // may make and remove its socket. That it could remove other people's files there is up to their owners.
        let sockets = (Path::new(SOCKETS), AccessFs::MakeSock | AccessFs::RemoveFile);
        let mut rules = vec![(home, run_tree), (own, anything), sockets];
        rules.extend(PROGRAMS.map(|folder| (Path::new(folder), run_tree)));
        rules.extend(CONFIGURATION.map(|path| {
            let access = if Path::new(path).is_dir() {
                AccessFs::ReadFile | AccessFs::ReadDir
            } else {
                AccessFs::ReadFile.into()
            };
            (Path::new(path), access)
        }));
        rules.extend(DEVICES.map(|device| (Path::new(device), AccessFs::ReadFile | AccessFs::WriteFile)));
        rules
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::io::ErrorKind::PermissionDenied;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    use rustix::process::{getppid, test_kill_process};

    use super::*;

    #[test]
    fn a_locked_up_thread_can_do_just_what_the_level_says() {
        let desk = tempfile::tempdir().unwrap();
        let (input, secret, out) =
            (desk.path().join("in"), desk.path().join("secret"), desk.path().join("out"));
        fs::write(&input, "document").unwrap();
        fs::write(&secret, "secret").unwrap();
        fs::create_dir(&out).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = desk.path().join("socket");
        let _door = UnixListener::bind(&socket).unwrap();
        let level = sandbox_level();

        // Both hold the calling thread: the other tests stay free.
        let tried = std::thread::spawn(move || {
            landlocked::enter(&[&input], Some(&out), None).unwrap();
            assert_eq!(syscalls::enter(Inmate::Ours).is_ok(), syscalls::held());

            assert_eq!(fs::read_to_string(&input).unwrap(), "document");
            fs::write(out.join("a.partial"), "x").unwrap();
            fs::rename(out.join("a.partial"), out.join("a")).unwrap();
            let signalled = test_kill_process(getppid().expect("somebody started the test"));
            [
                (Sandbox::Landlock, "reads", fs::read(&secret).map(drop)),
                (Sandbox::Landlock, "reads the machine's files", fs::read("/etc/passwd").map(drop)),
                (Sandbox::Landlock, "writes into the document", fs::write(&input, "x")),
                (Sandbox::Landlock, "writes beside it", fs::write(secret.with_extension("new"), "x")),
                (Sandbox::Landlock, "removes", fs::remove_file(&secret)),
                (Sandbox::Landlock, "starts a program", Command::new("/bin/true").status().map(drop)),
                (Sandbox::Full, "connects", TcpStream::connect(address).map(drop)),
                (Sandbox::Full, "sends packets", UdpSocket::bind("127.0.0.1:0").map(drop)),
                (Sandbox::Full, "talks to the machine", UnixStream::connect(&socket).map(drop)),
                (Sandbox::Full, "signals", signalled.map_err(Into::into)),
            ]
            .map(|(held_by, what, done)| (held_by, what, done.map_err(|error| error.kind())))
        })
        .join()
        .unwrap();

        // A level that promises more than this kernel keeps fails here, and so does one that promises less.
        for (held_by, what, done) in tried {
            match held_by {
                // A newer kernel's Landlock forbids some of it as well.
                Sandbox::Full if level < Sandbox::Full => {}
                held_by => {
                    let expected = if level < held_by { Ok(()) } else { Err(PermissionDenied) };
                    assert_eq!(done, expected, "it {what} at level {level}");
                }
            }
        }
    }

    #[test]
    fn an_office_suite_has_no_network_but_what_is_inside_the_machine() {
        if !syscalls::held() {
            println!("this kernel has no seccomp: it was not tested");
            return;
        }
        let desk = tempfile::tempdir().unwrap();
        let socket = desk.path().join("socket");

        let tried = std::thread::spawn(move || {
            syscalls::enter(Inmate::Office).unwrap();

            Command::new("/bin/true").status().expect("it starts its own programs");
            UnixListener::bind(&socket).expect("they talk to each other");
            [TcpListener::bind("127.0.0.1:0").map(drop), UdpSocket::bind("127.0.0.1:0").map(drop)]
                .map(|done| done.map_err(|error| error.kind()))
        })
        .join()
        .unwrap();

        assert_eq!(tried, [Err(PermissionDenied); 2]);
    }

    #[test]
    fn what_the_kernel_cannot_forbid_is_not_promised() {
        assert_eq!(Sandbox::of(true, true), Sandbox::Full);
        assert_eq!(Sandbox::of(true, false), Sandbox::Landlock);
        assert_eq!((Sandbox::of(false, false), Sandbox::of(false, true)), (Sandbox::Limits, Sandbox::Limits));
        for level in Sandbox::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert!("none".parse::<Sandbox>().unwrap_err().to_string().contains("landlock"));
    }

    #[test]
    fn plain_text_needs_no_sandbox_and_everything_else_does() {
        assert_eq!(needed(Format::Csv, Sandbox::Full), Sandbox::Limits);
        for format in [Format::Docx, Format::Html, Format::Png, Format::Pdf, Format::Doc] {
            assert_eq!(needed(format, Sandbox::Landlock), Sandbox::Landlock);
        }
    }
}
