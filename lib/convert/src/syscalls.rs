//! What a locked-up process may still ask of the kernel: seccomp, where Linux has it. It forbids what Landlock cannot.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::thread;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Who is locked up.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inmate {
    /// Our own code: no network of any kind, no programs, and nothing of other processes.
    Ours,
    /// An office suite: it starts its own programs, and they talk over sockets of this machine.
    Office,
}

/// What nobody here needs, and what leads out of a sandbox or into the kernel: other processes' memory, other namespaces
/// and mounts, keys, and rings of requests, in which no call is seen.
const NEVER: [i64; 32] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
];

/// Whether this kernel has it, for a machine of this kind.
pub(crate) fn held() -> bool {
    static HELD: OnceLock<bool> = OnceLock::new();
    // It holds the thread that tries it, which ends.
    *HELD.get_or_init(|| thread::spawn(|| enter(Inmate::Ours).is_ok()).join().unwrap_or(false))
}

/// Locks up the calling thread, and all that it starts, for good.
pub(crate) fn enter(inmate: Inmate) -> Result<(), seccompiler::Error> {
    apply_filter(&program(inmate)?)
}

fn program(inmate: Inmate) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        NEVER.into_iter().map(|call| (call, Vec::new())).collect();
    match inmate {
        Inmate::Ours => {
            rules.extend(
                [libc::SYS_socket, libc::SYS_execve, libc::SYS_execveat].map(|call| (call, Vec::new())),
            );
            // It may end itself, and the group that it is the first of, but send no signal to anybody else.
            let us = u64::from(std::process::id());
            rules.insert(libc::SYS_kill, vec![SeccompRule::new(vec![is_not(0)?, is_not(us)?])?]);
            rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![is_not(us)?])?]);
            rules.insert(libc::SYS_tkill, Vec::new());
        }
        Inmate::Office => {
            let here = u64::from(libc::AF_UNIX.unsigned_abs());
            rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![is_not(here)?])?]);
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        // The same calls by their other numbers, where the kernel has those.
        const X32: i64 = 0x4000_0000;
        let others: Vec<_> = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        rules.extend(others);
    }
    let forbidden = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, forbidden, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// That the first argument is another one.
fn is_not(value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}
