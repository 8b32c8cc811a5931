//! What every handler of the gateway can reach.

use std::sync::Arc;

use platform::{
    Clock,
    bus::Bus,
    db::Db,
    fanout::Fanout,
    mail::Mailer,
    objects::Objects,
    service::{Tasks, Wedge, internal::InternalKey},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Engines,
    accounts::{Guards, Keys},
    conversions::{Cards, News},
    endless::Places,
    live::{self, Appends, Registry},
    rooms::Rates,
    tasks,
    turns::Turns,
    upstream::Upstream,
};

/// The gateway's state.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    pub(crate) fanout: Fanout,
    pub(crate) objects: Objects,
    pub(crate) mail: Mailer,
    pub(crate) clock: Clock,
    pub(crate) keys: Keys,
    pub(crate) guards: Guards,
    pub(crate) live: Registry,
    pub(crate) rates: Rates,
    pub(crate) appends: Appends,
    /// Places for answers without an end.
    pub(crate) endless: Places,
    /// Turns at making pictures.
    pub(crate) pictures: Turns,
    pub(crate) cards: Cards,
    pub(crate) news: News,
    pub(crate) upstream: Upstream,
    pub(crate) tasks: Tasks,
    /// Ends the answers that have no end of their own, so that the gateway can wait for all others.
    pub(crate) leaving: CancellationToken,
    /// Whether the tail hangs.
    pub(crate) wedge: Wedge,
    /// Tells the task runners that there is something to do.
    pub(crate) wakes: tasks::Wakes,
}

/// As handlers take it.
pub(crate) type App = Arc<State>;

impl State {
    pub(crate) fn open(config: Config, engines: Engines) -> anyhow::Result<Self> {
        let Engines { db, bus, fanout, objects, mail, clock } = engines;
        let keys = Keys::derive(&config)?;
        let guards = Guards::new()?;
        let internal = InternalKey::derive(&config.secret.0);
        let upstream = Upstream::new(config.chat_workers.clone(), config.convert_workers.clone(), internal);
        let live = Registry::new(bus.clone());
        let rates = Rates::new(config.sends_per_second);
        // They end when the gateway has drained, not when it begins to.
        let tasks = Tasks::under(&CancellationToken::new());
        Ok(Self {
            config,
            db,
            bus,
            fanout,
            objects,
            mail,
            clock,
            keys,
            guards,
            live,
            rates,
            appends: Appends::default(),
            endless: Places::default(),
            pictures: Turns::default(),
            cards: Cards::default(),
            news: News::default(),
            upstream,
            tasks,
            leaving: CancellationToken::new(),
            wedge: Wedge::after(live::WEDGED),
            wakes: tasks::Wakes::default(),
        })
    }
}
