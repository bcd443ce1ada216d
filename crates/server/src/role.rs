//! What a process does of the whole.

use clap::ValueEnum;

/// A part of the platform that can run in a process of its own. The parts meet in the stores: jobs wait in the queue
/// for whoever takes their kind, events lie in the log for whoever reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Role {
    /// Everything.
    #[default]
    All,
    /// Answers requests: the API, the studio, the protocols of players.
    Api,
    /// Works off analyses, imports and batches.
    Worker,
    /// Follows the log and tells webhooks.
    Stream,
    /// Trains models, heads and the spaces of lyrics.
    Train,
}

impl Role {
    /// Whether requests are answered; a process that does not answers only whether it lives.
    pub fn answers(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether analyses and the like are worked off.
    pub fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    /// Whether the log is followed.
    pub fn follows(self) -> bool {
        matches!(self, Self::All | Self::Stream)
    }

    /// Whether models are trained.
    pub fn trains(self) -> bool {
        matches!(self, Self::All | Self::Train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_by_one_role_and_by_all() {
        let parts = [Role::answers, Role::works, Role::follows, Role::trains];
        for part in parts {
            let doing = Role::value_variants().iter().filter(|role| part(**role));
            let doing: Vec<&Role> = doing.collect();
            assert_eq!((doing.len(), doing[0]), (2, &Role::All));
        }
    }
}
