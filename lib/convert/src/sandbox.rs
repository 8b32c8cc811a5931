//! What a job child may still do once it has locked itself up: limits everywhere, Landlock on Linux.

use std::path::Path;

use crate::{Error, Limits};

/// How well job children are locked up on this machine: `landlock` (only the input, the output folder and the fonts,
/// no programs, no TCP), `landlock-files` (the same, but TCP, which kernels before 6.7 cannot forbid) or `limits`
/// (memory, time and size only).
pub fn sandbox_level() -> &'static str {
    #[cfg(target_os = "linux")]
    return level(landlocked::holds_files(), landlocked::holds_tcp());
    #[cfg(not(target_os = "linux"))]
    level(false, false)
}

/// The word for what the kernel can forbid.
fn level(files: bool, tcp: bool) -> &'static str {
    match (files, tcp) {
        (true, true) => "landlock",
        (true, false) => "landlock-files",
        (false, _) => "limits",
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
pub(crate) fn enter(
    limits: &Limits,
    inputs: &[&Path],
    output_dir: &Path,
    office: Option<Suite<'_>>,
) -> Result<(), Error> {
    #[cfg(unix)]
    limit(limits)?;
    #[cfg(target_os = "linux")]
    {
        rustix::thread::set_no_new_privs(true).map_err(std::io::Error::from)?;
        landlocked::enter(inputs, Some(output_dir), office).map_err(|detail| Error::Io { detail })?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (inputs, output_dir, office);
    #[cfg(not(unix))]
    let _ = limits;
    Ok(())
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

    pub(super) fn holds_tcp() -> bool {
        static HOLDS: OnceLock<bool> = OnceLock::new();
        *HOLDS.get_or_init(|| {
            required().handle_access(AccessNet::from_all(ABI::V4)).and_then(Ruleset::create).is_ok()
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
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

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

        // Landlock holds the calling thread: the other tests stay free.
        let tried = std::thread::spawn(move || {
            landlocked::enter(&[&input], Some(&out), None).unwrap();

            assert_eq!(fs::read_to_string(&input).unwrap(), "document");
            fs::write(out.join("a.partial"), "x").unwrap();
            fs::rename(out.join("a.partial"), out.join("a")).unwrap();
            [
                ("reads", fs::read(&secret).map(drop)),
                ("reads the machine's files", fs::read("/etc/passwd").map(drop)),
                ("writes into the document", fs::write(&input, "x")),
                ("writes beside it", fs::write(secret.with_extension("new"), "x")),
                ("removes", fs::remove_file(&secret)),
                ("starts a program", Command::new("/bin/true").status().map(drop)),
                ("connects", TcpStream::connect(address).map(drop)),
            ]
            .map(|(what, done)| (what, done.map_err(|error| error.kind())))
        })
        .join()
        .unwrap();

        // A level that promises more than this kernel keeps fails here, and so does one that promises less.
        let level = sandbox_level();
        for (what, done) in tried {
            let free = if what == "connects" { level != "landlock" } else { level == "limits" };
            assert_eq!(done, if free { Ok(()) } else { Err(PermissionDenied) }, "it {what} at level {level}");
        }
    }

    #[test]
    fn what_the_kernel_cannot_forbid_is_not_promised() {
        assert_eq!(level(true, true), "landlock");
        assert_eq!(level(true, false), "landlock-files");
        assert_eq!((level(false, false), level(false, true)), ("limits", "limits"));
    }
}
