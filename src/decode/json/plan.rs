//! A rule's pointers, worked out: which cells of the tables make a reading.

use super::super::{JsonRule, JsonValues};
use super::path::{self, Step, Target};
use super::table::{Cell, Place, RowKey, Tables, Tree};
use super::{scalar, slice, unquoted};
use std::borrow::Cow;
use std::sync::Arc;

/// Everything about a rule that can be known before a document comes.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) tree: Tree,
    /// The items as the rule writes them.
    pub(super) each: Option<Arc<str>>,
    /// The scope of the items.
    pub(super) items: usize,
    pub(super) values: Vec<ValueAt>,
    /// Scopes beside the items' own way, whose rows are found by the place of the item.
    beside: Vec<usize>,
}

/// Where a value is, and what belongs to it.
#[derive(Debug)]
pub(super) struct ValueAt {
    pub(super) pointer: Arc<str>,
    /// Its tag, of `fields`.
    pub(super) field: Option<Arc<str>>,
    pub(super) at: Cell,
    pub(super) time: Option<TextAt>,
    pub(super) quality: Option<TextAt>,
    pub(super) line: Option<TextAt>,
    pub(super) area: Option<TextAt>,
    pub(super) tag: Option<TextAt>,
    pub(super) unit: Option<TextAt>,
}

/// Where a text is that belongs to a value.
#[derive(Debug)]
pub(super) struct TextAt {
    pub(super) pointer: Arc<str>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Cell(Cell),
    /// The key under which the row of this scope stands.
    RowKey(usize),
    /// A key of the way itself.
    Fixed(Box<str>),
    /// Above the document; the configuration refuses it.
    Nowhere,
}

impl Plan {
    pub(super) fn new(rule: &JsonRule) -> Self {
        let mut tree = Tree::new();
        let each = rule.each.clone();
        let item = each.as_ref().map(|each| path::steps(each, true)).unwrap_or_default();
        let items = tree.scope(&item);
        let mut values = Vec::new();
        let mut value = |field: Option<&Arc<str>>, pointer: &Arc<str>| {
            let target = path::target(pointer, &item, &item, each.is_some());
            // The configuration refuses all else.
            let Some(Target::Text(way)) = target else { return };
            let at = tree.cell(&way);
            let mut text = |pointer: &Option<Arc<str>>| {
                let pointer = Arc::clone(pointer.as_ref()?);
                let source = match path::target(&pointer, &item, &way, each.is_some()) {
                    Some(Target::Text(way)) => Source::Cell(tree.cell(&way)),
                    Some(Target::Key(way)) => match way.last() {
                        Some(Step::Key(key)) => Source::Fixed(key.clone()),
                        Some(Step::Every) => Source::RowKey(tree.scope(&way)),
                        None => Source::Nowhere,
                    },
                    None => Source::Nowhere,
                };
                Some(TextAt { pointer, source })
            };
            values.push(ValueAt {
                time: text(&rule.time),
                quality: text(&rule.quality),
                line: text(&rule.names.line),
                area: text(&rule.names.area),
                tag: text(&rule.names.tag),
                unit: text(&rule.names.unit),
                pointer: Arc::clone(pointer),
                field: field.cloned(),
                at,
            });
        };
        match &rule.values {
            JsonValues::One(pointer) => value(None, pointer),
            JsonValues::Fields(fields) => {
                for (tag, pointer) in fields {
                    value(Some(tag), pointer);
                }
            }
        }
        let mut own = vec![0];
        let mut scope = items;
        while scope != 0 {
            own.push(scope);
            scope = tree.parent(scope);
        }
        let beside = (0..tree.scopes()).filter(|scope| !own.contains(scope)).collect();
        Self { tree, each, items, values, beside }
    }

    /// Works out the row of each scope that belongs to an item.
    pub(super) fn belong(
        &self,
        document: &str,
        tables: &mut Tables,
        item: usize,
        rows: &mut Vec<Option<usize>>,
    ) {
        rows.clear();
        rows.resize(self.tree.scopes(), None);
        let (mut scope, mut at) = (self.items, item);
        let set = |scope: usize, row: Option<usize>, rows: &mut Vec<Option<usize>>| {
            if let Some(place) = rows.get_mut(scope) {
                *place = row;
            }
        };
        while scope != 0 {
            set(scope, Some(at), rows);
            at = tables.rows(scope).get(at).map_or(0, |row| row.parent);
            scope = self.tree.parent(scope);
        }
        set(0, Some(0), rows);
        if self.beside.is_empty() {
            return;
        }
        let Some(key) = tables.rows(self.items).get(item).map(|row| row.key) else { return };
        for beside in &self.beside {
            let around = rows.get(self.tree.parent(*beside)).copied().flatten();
            let row = around.and_then(|around| tables.beside(document, *beside, around, key));
            set(*beside, row, rows);
        }
    }
}

/// An item of a document: what the rule's cells have for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) document: &'a str,
    pub(super) tables: &'a Tables,
    /// The row of each scope.
    pub(super) rows: &'a [Option<usize>],
}

impl<'a> Item<'a> {
    /// Where the text of a cell stands; `None` if it is not there or `null`.
    pub(super) fn place(&self, cell: Cell) -> Option<Place> {
        self.tables.get(cell, self.rows.get(cell.scope).copied().flatten()?)
    }

    /// Where a text stands, if it stands in a cell.
    pub(super) fn place_of(&self, text: &TextAt) -> Option<Place> {
        match text.source {
            Source::Cell(cell) => self.place(cell),
            _ => None,
        }
    }

    /// A text, without the quotes of a string; `None` for nothing or `null`.
    pub(super) fn text(&self, text: &'a TextAt) -> Option<Cow<'a, str>> {
        match &text.source {
            Source::Cell(cell) => Some(scalar(slice(self.document, self.place(*cell)?))),
            Source::RowKey(scope) => {
                let row = self.rows.get(*scope).copied().flatten()?;
                match self.tables.rows(*scope).get(row)?.key {
                    RowKey::Element(place) => Some(Cow::Owned(place.to_string())),
                    RowKey::Key(place) => Some(unquoted(slice(self.document, place))),
                }
            }
            Source::Fixed(key) => Some(Cow::Borrowed(key)),
            Source::Nowhere => None,
        }
    }
}
