"""Who the order is for: the customer, and postal addresses."""

from datetime import date, datetime
from typing import Literal

from ordrebok.wire.base import (
    Country,
    CustomerId,
    Latitude,
    Longitude,
    Metadata,
    PhoneNumber,
    Text,
    Wire,
)


class PostalAddress(Wire, frozen=True, kw_only=True):
    """A place that mail or a person can reach."""

    address_line: Text
    postal_place: Text
    country: Country
    address_line_2: Text | None = None
    postal_code: Text | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class CustomerAddress(PostalAddress, frozen=True, kw_only=True):
    """One of the addresses a customer is known by."""

    type: Text | None = None
    custom_type: Text | None = None


class Address(PostalAddress, frozen=True, kw_only=True):
    """The shipping or billing address of an order, with the person who receives there."""

    first_name: Text | None = None
    last_name: Text | None = None
    comment: Text | None = None


class Company(Wire, frozen=True, kw_only=True):
    """The business behind a customer; the spelling of the first field is the contract's."""

    bussiness_name: Text
    organization_number: Text | None = None
    department: Text | None = None
    industry: Text | None = None
    website: Text | None = None
    number_of_employees: Text | None = None


class EnrolledBy(Wire, frozen=True, kw_only=True):
    """What brought the customer in, such as an address on the web or a store."""

    value: Text
    type: Text | None = None


class Consent(Wire, frozen=True, kw_only=True):
    """A yes or no to marketing through one channel, and when it was given."""

    consent: bool | None = None
    updated_at: datetime | None = None


class MarketingConsent(Wire, frozen=True, kw_only=True):
    """The customer's consent for each marketing channel."""

    sms: Consent | None = None
    email: Consent | None = None


class Term(Wire, frozen=True, kw_only=True):
    """The terms the customer has accepted."""

    id: Text | None = None


class Customer(Wire, frozen=True, kw_only=True):
    """The customer as given with the order; nothing is looked up elsewhere."""

    id: CustomerId | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    gender: Text | None = None
    email: Text | None = None
    metadata: Metadata | None = None
    phone_number: PhoneNumber | None = None
    addresses: tuple[CustomerAddress, ...] | None = None
    pays_tax: bool | None = None
    date_of_birth: date | None = None
    enrolled_by: EnrolledBy | None = None
    favorite_store: Text | None = None
    company: Company | None = None
    marketing_consent: MarketingConsent | None = None
    status: Text | None = None
    term: Term | None = None
    type: Literal["customer", "company", "contact", "employee", "other"] | None = None
