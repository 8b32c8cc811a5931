//! The engines that are here, and the choice among them: cheapest or best first, the next one when a result falls short.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::best::{better, verdict};
use crate::child::{Child, perform};
use crate::health::{self, Health, State};
use crate::job_child::Task;
use crate::libreoffice::Office;
use crate::matrix::{capabilities, needed, unsupported, within};
use crate::remote::{Remote, Service};
use crate::{
    Attempt, Capability, Engine, Error, Format, Keep, Key, Options, Prefer, Progress, Report, Request,
    Sandbox, Stage, Watcher, sandbox, sandbox_level,
};

/// The engines of one process.
#[derive(Clone, Debug)]
pub struct Engines {
    child: Child,
    libreoffice: Option<Arc<Office>>,
    servers: Vec<Remote>,
}

/// A pair that an engine would convert which is not here.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Format of the input.
    pub from: Format,
    /// Format of the output.
    pub to: Format,
    /// What to install.
    pub install: &'static str,
}

/// How a conversion went, engine by engine.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The best result, or why there is none.
    pub result: Result<Report, Error>,
    /// Every engine that was asked, in order.
    pub attempts: Vec<Attempt>,
}

impl Engines {
    /// The builtin engine alone, with these children.
    pub fn builtin(child: Child) -> Engines {
        Engines { child, libreoffice: None, servers: Vec::new() }
    }

    /// With the LibreOffice whose `soffice` is this file, kept as it is best for most.
    pub fn with_libreoffice(self, program: PathBuf) -> Engines {
        self.with_libreoffice_kept(program, Keep::default())
    }

    /// With the LibreOffice whose `soffice` is this file. Those that are kept end with the last clone of these engines.
    pub fn with_libreoffice_kept(mut self, program: PathBuf, keep: Keep) -> Engines {
        self.libreoffice = Some(Arc::new(Office::new(self.child.clone(), program, keep)));
        self
    }

    /// Starts what shall be there before the first document. Within a runtime of tokio.
    pub fn attend(&self) {
        if let Some(office) = &self.libreoffice {
            office.attend();
        }
    }

    /// With the Gotenberg server at this URL, such as `http://gotenberg:3000`.
    ///
    /// # Errors
    /// `Io` when no HTTP client can be made.
    pub fn with_gotenberg(self, url: &str) -> Result<Engines, Error> {
        self.with_server(Service::Gotenberg, url, None)
    }

    /// With Nutrient's processor at this URL, such as `https://api.nutrient.io`.
    ///
    /// # Errors
    /// `Io` when no HTTP client can be made.
    pub fn with_nutrient(self, url: &str, key: Key) -> Result<Engines, Error> {
        self.with_server(Service::Nutrient, url, Some(key))
    }

    /// With CloudConvert at this URL, such as `https://api.cloudconvert.com`.
    ///
    /// # Errors
    /// `Io` when no HTTP client can be made.
    pub fn with_cloudconvert(self, url: &str, key: Key) -> Result<Engines, Error> {
        self.with_server(Service::Cloudconvert, url, Some(key))
    }

    fn with_server(mut self, service: Service, url: &str, key: Option<Key>) -> Result<Engines, Error> {
        self.servers.push(Remote::at(service, url, key)?);
        Ok(self)
    }

    fn server(&self, engine: Engine) -> Option<&Remote> {
        self.servers.iter().find(|server| server.engine() == engine)
    }

    /// Every engine there could be, and how it is.
    pub fn health(&self) -> Vec<Health> {
        Engine::ALL.into_iter().map(|engine| self.health_of(engine)).collect()
    }

    fn health_of(&self, engine: Engine) -> Health {
        let (state, detail) = match engine {
            Engine::Builtin => health::of_builtin(),
            Engine::Libreoffice => health::of_office(self.libreoffice.as_deref()),
            Engine::Gotenberg | Engine::Nutrient | Engine::Cloudconvert => {
                health::of_server(engine, self.server(engine))
            }
        };
        Health { engine, state, detail }
    }

    /// Every pair that works now, once for each engine that converts it: by input, output, and cheapest first.
    pub fn capabilities(&self) -> Vec<Capability> {
        let here = Engine::ALL.into_iter().filter(|engine| self.health_of(*engine).state != State::Absent);
        let mut pairs: Vec<Capability> = here.flat_map(capabilities).collect();
        if let Some(office) = &self.libreoffice {
            pairs.retain(|pair| pair.engine != Engine::Libreoffice || office.opens(pair.from));
        }
        pairs.sort_by_key(|pair| (pair.from, pair.to, pair.engine));
        pairs
    }

    /// Every pair that would work if more were installed.
    pub fn missing(&self) -> Vec<Missing> {
        let here = self.capabilities();
        let there = capabilities(Engine::Libreoffice).into_iter().filter_map(|pair| {
            let known = here.iter().any(|other| (other.from, other.to) == (pair.from, pair.to));
            let install = needed(pair.from, pair.to)?;
            (!known).then_some(Missing { from: pair.from, to: pair.to, install })
        });
        there.collect()
    }

    /// That an engine which is allowed to can convert this pair: those that are asked, in order.
    ///
    /// # Errors
    /// `Unsupported`, with what would work instead, or what to install; `ConsentNeeded` when only services of somebody
    /// else are left, and the options do not allow them.
    pub fn supports(&self, from: Format, to: Format, options: &Options) -> Result<Vec<Engine>, Error> {
        Ok(self.line(from, to, options)?.into_iter().map(|pair| pair.engine).collect())
    }

    /// The engines for this pair in the order in which they are asked.
    fn line(&self, from: Format, to: Format, options: &Options) -> Result<Vec<Capability>, Error> {
        self.locks_up(from, sandbox_level())?;
        if let Some(same) = within(from, to, options)? {
            return Ok(vec![same]);
        }
        let here = self.capabilities();
        let mut line: Vec<Capability> =
            here.iter().filter(|pair| (pair.from, pair.to) == (from, to)).copied().collect();
        if line.is_empty() {
            return Err(unsupported(from, to, &here));
        }
        // A program of somebody else gets no password: it would be on its command line or in its request.
        line.retain(|pair| pair.engine == Engine::Builtin || options.password.is_none());
        line.retain(|pair| pair.engine == Engine::Builtin || options.sheet.is_none());
        line.retain(|pair| options.engine.is_none_or(|wanted| wanted == pair.engine));
        if line.is_empty() {
            return Err(self.unfit(from, to, options));
        }
        let all = line.clone();
        line.retain(|pair| options.third_party || !pair.engine.is_third_party());
        if line.is_empty() {
            return Err(Error::ConsentNeeded { engines: names(&all) });
        }
        if options.prefer == Prefer::Fidelity {
            // Among equals, an office suite knows more of the formats that it is the model of, and no document leaves
            // without need.
            let late = |engine: Engine| (engine.is_third_party(), engine == Engine::Builtin, engine);
            line.sort_by_key(|pair| (pair.fidelity, late(pair.engine)));
        }
        Ok(line)
    }

    /// That a document of this format is locked up as well as is required: whoever converts it, our children read it.
    fn locks_up(&self, from: Format, has: Sandbox) -> Result<(), Error> {
        let needs = sandbox::needed(from, self.child.limits.sandbox);
        if has < needs { Err(Error::Exposed { has, needs }) } else { Ok(()) }
    }

    /// Why none of the engines that convert the pair is the one that is wanted.
    fn unfit(&self, from: Format, to: Format, options: &Options) -> Error {
        let hint = match options.engine.map(|engine| self.health_of(engine)) {
            Some(Health { engine, state: State::Absent, detail }) => {
                format!("{engine} is not here: {detail}")
            }
            Some(Health { engine, .. }) => format!("{engine} does not do it; leave the engine to us"),
            None => "with a password, or one sheet of many, only the builtin engine works".to_owned(),
        };
        Error::Unsupported { from: from.to_string(), to: to.to_string(), hint }
    }

    /// Converts with one engine after the other until nothing is lost; the best result is the one that stays.
    ///
    /// Each engine has its own deadline. Nothing but the result is left in the folder of the output.
    pub async fn convert(
        &self,
        req: &Request,
        mut watcher: impl Watcher,
        cancel: CancellationToken,
    ) -> Conversion {
        let line = match self.line(req.from, req.to, &req.options) {
            Ok(line) => line,
            Err(error) => return Conversion { result: Err(error), attempts: Vec::new() },
        };
        let mut attempts = Vec::new();
        let mut best: Option<Report> = None;
        let mut first_error = None;
        for pair in line {
            // Under another name until it is known to be the best.
            let candidate = beside(&req.output, pair.engine.code());
            let lenient = Request { output: candidate.clone(), strict: false, ..req.clone() };
            let started = Instant::now();
            let made = self.one(pair.engine, &lenient, &mut watcher, cancel.clone()).await;
            let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            attempts.push(attempt(pair.engine, millis, &made));
            match made {
                Ok(report) if best.as_ref().is_none_or(|best| better(&report, best)) => {
                    let whole = !report.degraded;
                    if let Err(error) = tokio::fs::rename(&candidate, &req.output).await {
                        return Conversion { result: Err(error.into()), attempts };
                    }
                    best = Some(report);
                    if whole {
                        break;
                    }
                }
                // Somebody else made more of it.
                Ok(_) => drop(tokio::fs::remove_file(&candidate).await),
                Err(error) => {
                    let goes_on = error.is_of_the_engine();
                    first_error.get_or_insert(error);
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        let result = verdict(req, best, first_error);
        if result.is_err() {
            // Not there when every engine failed, or too little for whoever is strict.
            let _ = tokio::fs::remove_file(&req.output).await;
        }
        Conversion { result, attempts }
    }

    async fn one(
        &self,
        engine: Engine,
        req: &Request,
        watcher: &mut impl Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, Error> {
        let mut progress = |step| watcher.progress(step);
        match (engine, &self.libreoffice, self.server(engine)) {
            (Engine::Builtin, ..) => perform(&self.child, req, Task::Builtin, &mut progress, cancel).await,
            (Engine::Libreoffice, Some(office), _) => office.convert(req, &mut progress, cancel).await,
            (_, _, Some(server)) => self.served(server, req, watcher, cancel).await,
            (engine, _, None) => {
                Err(Error::EngineDown { engine: engine.to_string(), detail: "it is not here".into() })
            }
        }
    }

    /// Has a server convert, and looks at its answer in a child as at any file of a stranger.
    async fn served(
        &self,
        server: &Remote,
        req: &Request,
        watcher: &mut impl Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, Error> {
        let engine = server.engine();
        server.admit()?;
        if engine.is_third_party() {
            watcher.leaves(engine, &server.host()).await?;
        }
        watcher.progress(Progress::began(Stage::Converting));
        let made = beside(&req.output, "made");
        let answered = tokio::select! {
            answered = server.convert(req, &made, self.child.limits.wall * 2) => answered,
            () = cancel.cancelled() => Err(Error::Cancelled),
        };
        let report = match answered {
            Ok(()) => {
                let task = Task::Check { engine, made: made.clone() };
                perform(&self.child, req, task, &mut |step| watcher.progress(step), cancel).await
            }
            Err(error) => Err(error),
        };
        // Not there when it never answered.
        let _ = tokio::fs::remove_file(&made).await;
        report
    }
}

/// The engines of these pairs, as a list for people.
fn names(pairs: &[Capability]) -> String {
    pairs.iter().map(|pair| pair.engine.code()).collect::<Vec<_>>().join(" or ")
}

/// Another file in the folder of the output.
fn beside(output: &Path, ending: &str) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn attempt(engine: Engine, millis: u64, made: &Result<Report, Error>) -> Attempt {
    match made {
        Ok(report) => {
            Attempt { engine, millis, recall: report.recall, lost: report.lost.clone(), error: None }
        }
        Err(error) => Attempt { engine, millis, recall: None, lost: Vec::new(), error: Some(error.clone()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> Engines {
        Engines::builtin(Child::of_this_program()).with_libreoffice("/opt/office/program/soffice".into())
    }

    fn order(engines: &Engines, from: Format, options: Options) -> Vec<Engine> {
        let line = engines.line(from, Format::Pdf, &options).unwrap();
        line.into_iter().map(|pair| pair.engine).collect()
    }

    #[test]
    fn the_cheapest_is_first_unless_the_look_counts() {
        use Engine::{Builtin, Libreoffice};
        let fidelity = Options { prefer: Prefer::Fidelity, ..Options::default() };

        assert_eq!(order(&both(), Format::Docx, Options::default()), [Builtin, Libreoffice]);
        assert_eq!(order(&both(), Format::Docx, fidelity.clone()), [Libreoffice, Builtin]);
        assert_eq!(order(&both(), Format::Doc, Options::default()), [Libreoffice]);
        assert_eq!(order(&both(), Format::Png, fidelity), [Builtin]);
        let locked = Options { password: Some("x".into()), ..Options::default() };
        assert_eq!(order(&both(), Format::Docx, locked), [Builtin]);
    }

    #[test]
    fn a_service_of_somebody_else_is_last_and_never_without_consent() {
        use Engine::{Builtin, Cloudconvert, Libreoffice, Nutrient};
        let key = || Key::from("a key\n");
        let engines = both().with_nutrient("https://n.test", key()).unwrap();
        let engines = engines.with_cloudconvert("https://c.test", key()).unwrap();
        let consent = Options { third_party: true, ..Options::default() };
        let fidelity = Options { prefer: Prefer::Fidelity, ..consent.clone() };
        let wanted = Options { engine: Some(Nutrient), ..Options::default() };

        assert_eq!(order(&engines, Format::Docx, Options::default()), [Builtin, Libreoffice]);
        assert_eq!(order(&engines, Format::Docx, consent), [Builtin, Libreoffice, Nutrient, Cloudconvert]);
        assert_eq!(order(&engines, Format::Docx, fidelity), [Libreoffice, Builtin, Nutrient, Cloudconvert]);
        let refused = engines.supports(Format::Docx, Format::Pdf, &wanted).unwrap_err();
        assert_eq!(refused, Error::ConsentNeeded { engines: "nutrient".into() });
        assert!(refused.to_string().contains("--allow-third-party true"), "{refused}");
        let agreed = Options { third_party: true, ..wanted };
        assert_eq!(order(&engines, Format::Docx, agreed), [Nutrient]);
        let locked = Options { password: Some("x".into()), third_party: true, ..Options::default() };
        assert_eq!(order(&engines, Format::Docx, locked), [Builtin]);
        assert!(!format!("{engines:?}").contains("a key"));
    }

    #[test]
    fn a_machine_that_locks_up_less_than_is_required_takes_only_plain_text() {
        let limits = crate::Limits { sandbox: Sandbox::Full, ..crate::Limits::default() };
        let engines = Engines::builtin(Child { limits, ..Child::of_this_program() });

        assert_eq!(engines.locks_up(Format::Md, Sandbox::Limits), Ok(()));
        assert_eq!(engines.locks_up(Format::Docx, Sandbox::Full), Ok(()));
        let refused = engines.locks_up(Format::Docx, Sandbox::Landlock).unwrap_err();
        assert_eq!(refused, Error::Exposed { has: Sandbox::Landlock, needs: Sandbox::Full });
        assert!(refused.to_string().contains("level full, and here it is landlock"), "{refused}");
        assert_eq!(both().locks_up(Format::Docx, Sandbox::Limits), Ok(()), "nothing is required of itself");
    }

    #[test]
    fn a_pair_without_an_engine_names_what_to_install() {
        let bare = Engines::builtin(Child::of_this_program());
        let needs = |from: Format| {
            bare.missing()
                .into_iter()
                .find(|pair| (pair.from, pair.to) == (from, Format::Pdf))
                .map(|pair| pair.install)
        };

        assert!(needs(Format::Doc).unwrap().contains("libreoffice-writer"));
        assert!(needs(Format::Ppt).unwrap().contains("libreoffice-impress"));
        assert_eq!(needs(Format::Docx), None);
        assert!(both().missing().is_empty());
        let wanted = Options { engine: Some(Engine::Libreoffice), ..Options::default() };
        let refused = bare.supports(Format::Docx, Format::Pdf, &wanted).unwrap_err().to_string();
        assert!(refused.contains("install LibreOffice"), "{refused}");
    }
}
