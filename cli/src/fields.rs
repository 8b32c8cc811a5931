//! Which fields a result can have, whether it has them this time or not: serde tells those that it leaves out, too.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer, ser};

/// The fields that `value` can have at its top, and below each of them.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Fields {
    value.serialize(Names).unwrap_or_default()
}

/// Names of fields, or nothing when they are not known: of lists, of what is absent, of JSON somebody else made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Option<BTreeMap<&'static str, Fields>>);

impl Fields {
    /// The names that stand where `path`, such as `user.email`, leaves what there can be; `None` when it never does.
    pub(crate) fn instead_of(&self, path: &str) -> Option<Vec<&'static str>> {
        let mut at = self;
        for name in path.split('.') {
            let known = at.0.as_ref()?;
            match known.get(name) {
                Some(below) => at = below,
                None => return Some(known.keys().copied().collect()),
            }
        }
        None
    }
}

/// Goes through a value for the names in it and keeps nothing else.
struct Names;

/// It has no fields that can be known.
#[derive(Debug)]
pub(crate) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("no fields that can be known")
    }
}

impl std::error::Error for Unknown {}

impl ser::Error for Unknown {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Self;
    type Error = Unknown;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unknown> {
        self.0.get_or_insert_default().insert(name, of(value));
        Ok(())
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), Unknown> {
        self.0.get_or_insert_default().insert(name, Self::default());
        Ok(())
    }

    fn end(self) -> Result<Self, Unknown> {
        Ok(self)
    }
}

/// What has no names.
macro_rules! nameless {
    ($($method:ident($($given:ty),*) -> $answer:ty;)*) => {
        $(fn $method(self, $(_: $given),*) -> Result<$answer, Unknown> {
            Err(Unknown)
        })*
    };
}

pub(crate) type Impossible = ser::Impossible<Fields, Unknown>;
type Name = &'static str;

impl Serializer for Names {
    type Ok = Fields;
    type Error = Unknown;
    type SerializeSeq = Impossible;
    type SerializeTuple = Impossible;
    type SerializeTupleStruct = Impossible;
    type SerializeTupleVariant = Impossible;
    type SerializeMap = Impossible;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible;

    fn serialize_struct(self, _: Name, _: usize) -> Result<Fields, Unknown> {
        Ok(Fields::default())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Fields, Unknown> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: Name, value: &T) -> Result<Fields, Unknown> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: &T,
    ) -> Result<Fields, Unknown> {
        Err(Unknown)
    }

    nameless! {
        serialize_bool(bool) -> Fields;
        serialize_i8(i8) -> Fields;
        serialize_i16(i16) -> Fields;
        serialize_i32(i32) -> Fields;
        serialize_i64(i64) -> Fields;
        serialize_u8(u8) -> Fields;
        serialize_u16(u16) -> Fields;
        serialize_u32(u32) -> Fields;
        serialize_u64(u64) -> Fields;
        serialize_f32(f32) -> Fields;
        serialize_f64(f64) -> Fields;
        serialize_char(char) -> Fields;
        serialize_str(&str) -> Fields;
        serialize_bytes(&[u8]) -> Fields;
        serialize_none() -> Fields;
        serialize_unit() -> Fields;
        serialize_unit_struct(Name) -> Fields;
        serialize_unit_variant(Name, u32, Name) -> Fields;
        serialize_seq(Option<usize>) -> Impossible;
        serialize_tuple(usize) -> Impossible;
        serialize_tuple_struct(Name, usize) -> Impossible;
        serialize_tuple_variant(Name, u32, Name, usize) -> Impossible;
        serialize_map(Option<usize>) -> Impossible;
        serialize_struct_variant(Name, u32, Name, usize) -> Impossible;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Serialize)]
    struct Person {
        id: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        boss: Option<Box<Person>>,
        more: serde_json::Value,
    }

    #[test]
    fn a_field_that_is_left_out_this_time_is_one() {
        let person = Person { boss: Some(Box::default()), ..Person::default() };
        let fields = of(&person);

        assert_eq!(fields.instead_of("e-mail").unwrap(), ["boss", "email", "id", "more"]);
        assert_eq!(fields.instead_of("boss.name").unwrap(), ["boss", "email", "id", "more"]);
        for known in ["id", "email", "boss.email", "boss.boss.id", "more.of.it", "id.low"] {
            assert_eq!(fields.instead_of(known), None, "{known}");
        }
    }

    #[test]
    fn what_names_nothing_refuses_nothing() {
        assert_eq!(of(&serde_json::json!({"id": 1})).instead_of("name"), None);
        assert_eq!(of(&[Person::default()]).instead_of("name"), None);
    }
}
