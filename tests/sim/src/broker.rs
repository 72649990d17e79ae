//! A broker that keeps its promise of QoS 1, and no other: what was not acknowledged comes again
//! when the client comes again, in order.

use crate::mill::Message;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The broker, and the mill behind it.
#[derive(Debug)]
pub struct Broker {
    messages: Arc<[Message]>,
    published: usize,
    /// Not sent yet, or to be sent again.
    queue: VecDeque<usize>,
    /// Sent and not acknowledged.
    flying: VecDeque<usize>,
    /// What a session that was lost held.
    lost: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
    window: usize,
    connected: bool,
}

impl Broker {
    /// A broker that sends so many messages ahead of their acknowledgements.
    #[must_use]
    pub fn new(messages: Arc<[Message]>, window: usize) -> Self {
        Self {
            messages,
            published: 0,
            queue: VecDeque::new(),
            flying: VecDeque::new(),
            lost: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            window,
            connected: false,
        }
    }

    /// The mill publishes what is due.
    pub fn publish(&mut self, now: i64) {
        while self.messages.get(self.published).is_some_and(|message| message.due <= now) {
            self.queue.push_back(self.published);
            self.published += 1;
        }
    }

    /// The client is there.
    pub fn connect(&mut self) {
        self.connected = true;
    }

    /// The client is gone; what it has not acknowledged will come again, unless the session is lost.
    pub fn disconnect(&mut self, session_lost: bool) {
        self.connected = false;
        for message in self.flying.drain(..).rev() {
            self.queue.push_front(message);
        }
        if session_lost {
            self.lost.extend(self.queue.drain(..));
        }
    }

    /// True if the client is there.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// What comes now.
    pub fn deliver(&mut self) -> Vec<usize> {
        if !self.connected {
            return Vec::new();
        }
        let room = self.window.saturating_sub(self.flying.len()).min(self.queue.len());
        let sent: Vec<usize> = self.queue.drain(..room).collect();
        self.flying.extend(&sent);
        sent
    }

    /// The client has taken a message over.
    pub fn acknowledge(&mut self, message: usize) {
        if !self.connected {
            return;
        }
        // Of a message that is sent twice over one connection, the first is meant.
        if let Some(at) = self.flying.iter().position(|flying| *flying == message) {
            self.flying.remove(at);
            self.acknowledged.insert(message);
        }
    }

    /// What the broker forgot because the client said it has it.
    #[must_use]
    pub fn acknowledged(&self) -> &BTreeSet<usize> {
        &self.acknowledged
    }

    /// What the broker lost.
    #[must_use]
    pub fn lost(&self) -> &BTreeSet<usize> {
        &self.lost
    }

    /// True if everything was published, sent and acknowledged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.published == self.messages.len() && self.queue.is_empty() && self.flying.is_empty()
    }
}
