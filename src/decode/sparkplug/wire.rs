//! The Sparkplug B payload on the wire.
//!
//! Written from the field numbers of the Eclipse Sparkplug 3.0 specification, section 6.4
//! (`tahu.SparkplugB`, proto2). Field names are the specification's.
//!
//! Texts and parts that few metrics have are read as the bytes they are on the wire, which is the same there:
//! data come much more often than births, and of most metrics nobody asks for them.

#![allow(missing_docs, reason = "the specification says what each field means")]
// The macro writes code of its own.
#![allow(
    clippy::derive_partial_eq_without_eq,
    clippy::doc_markdown,
    clippy::trivially_copy_pass_by_ref,
    reason = "written by prost"
)]

use bytes::Bytes;
use prost::{Message, Oneof};

/// The numbers of `datatype`.
pub mod datatype {
    pub const INT8: u32 = 1;
    pub const INT16: u32 = 2;
    pub const INT32: u32 = 3;
    pub const INT64: u32 = 4;
    pub const UINT8: u32 = 5;
    pub const UINT16: u32 = 6;
    pub const UINT32: u32 = 7;
    pub const UINT64: u32 = 8;
    pub const FLOAT: u32 = 9;
    pub const DOUBLE: u32 = 10;
    pub const BOOLEAN: u32 = 11;
    pub const STRING: u32 = 12;
    pub const DATE_TIME: u32 = 13;
    pub const TEXT: u32 = 14;
    pub const UUID: u32 = 15;
    pub const DATA_SET: u32 = 16;
    pub const BYTES: u32 = 17;
    pub const FILE: u32 = 18;
    pub const TEMPLATE: u32 = 19;
    pub const INT8_ARRAY: u32 = 22;
    pub const INT16_ARRAY: u32 = 23;
    pub const INT32_ARRAY: u32 = 24;
    pub const INT64_ARRAY: u32 = 25;
    pub const UINT8_ARRAY: u32 = 26;
    pub const UINT16_ARRAY: u32 = 27;
    pub const UINT32_ARRAY: u32 = 28;
    pub const UINT64_ARRAY: u32 = 29;
    pub const FLOAT_ARRAY: u32 = 30;
    pub const DOUBLE_ARRAY: u32 = 31;
    pub const BOOLEAN_ARRAY: u32 = 32;
    pub const STRING_ARRAY: u32 = 33;
    pub const DATE_TIME_ARRAY: u32 = 34;
}

/// All messages but STATE, which is JSON.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent, ms since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// One counter an edge node, 0 to 255; none in commands and deaths.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
    /// A text: what the body is, if there is one.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub uuid: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub body: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// A text.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub name: Option<Bytes>,
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When the value was acquired, ms since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    pub is_transient: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// A [`PropertySet`].
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub properties: Option<Bytes>,
    #[prost(oneof = "metric::Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub value: Option<metric::Value>,
}

pub mod metric {
    #[derive(Clone, PartialEq, super::Oneof)]
    pub enum Value {
        /// Up to 32 bits; signed values are two's complement.
        #[prost(uint32, tag = "10")]
        Int(u32),
        /// 64 bits; signed values are two's complement.
        #[prost(uint64, tag = "11")]
        Long(u64),
        #[prost(float, tag = "12")]
        Float(f32),
        #[prost(double, tag = "13")]
        Double(f64),
        #[prost(bool, tag = "14")]
        Boolean(bool),
        /// A text.
        #[prost(bytes = "bytes", tag = "15")]
        String(super::Bytes),
        #[prost(bytes = "bytes", tag = "16")]
        Bytes(super::Bytes),
        /// A [`DataSet`](super::DataSet).
        #[prost(bytes = "bytes", tag = "17")]
        DataSet(super::Bytes),
        /// A [`Template`](super::Template).
        #[prost(bytes = "bytes", tag = "18")]
        Template(super::Bytes),
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct DataSet {
    #[prost(uint64, optional, tag = "1")]
    pub num_of_columns: Option<u64>,
    #[prost(string, repeated, tag = "2")]
    pub columns: Vec<String>,
    /// Numbers of `datatype`, as many as columns.
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    pub types: Vec<u32>,
    /// Each a [`Row`].
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub rows: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Row {
    /// As many as columns.
    #[prost(message, repeated, tag = "1")]
    pub elements: Vec<Element>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Element {
    #[prost(oneof = "element::Value", tags = "1, 2, 3, 4, 5, 6")]
    pub value: Option<element::Value>,
}

pub mod element {
    #[derive(Clone, PartialEq, super::Oneof)]
    pub enum Value {
        #[prost(uint32, tag = "1")]
        Int(u32),
        #[prost(uint64, tag = "2")]
        Long(u64),
        #[prost(float, tag = "3")]
        Float(f32),
        #[prost(double, tag = "4")]
        Double(f64),
        #[prost(bool, tag = "5")]
        Boolean(bool),
        /// A text.
        #[prost(bytes = "bytes", tag = "6")]
        String(super::Bytes),
    }
}

/// Of its parameters, which configure it, nobody asks here.
#[derive(Clone, PartialEq, Message)]
pub struct Template {
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    #[prost(string, optional, tag = "4")]
    pub template_ref: Option<String>,
    #[prost(bool, optional, tag = "5")]
    pub is_definition: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// As many as keys.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    #[prost(uint32, optional, tag = "1")]
    pub r#type: Option<u32>,
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    #[prost(oneof = "property::Value", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<property::Value>,
}

pub mod property {
    #[derive(Clone, PartialEq, super::Oneof)]
    pub enum Value {
        #[prost(uint32, tag = "3")]
        Int(u32),
        #[prost(uint64, tag = "4")]
        Long(u64),
        #[prost(float, tag = "5")]
        Float(f32),
        #[prost(double, tag = "6")]
        Double(f64),
        #[prost(bool, tag = "7")]
        Boolean(bool),
        #[prost(string, tag = "8")]
        String(String),
    }
}
