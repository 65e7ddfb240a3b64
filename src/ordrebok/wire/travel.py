"""Journeys sold on an order: the itinerary, and the reservations attached to it."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, field

from ordrebok.wire.base import Country, Latitude, LineId, Longitude, Number, Text, Wire
from ordrebok.wire.customer import PostalAddress

TravelMode = Annotated[
    str, Meta(max_length=40, pattern=r"^[A-Z0-9_]+$(?!\n)", description="Such as BUS or CUSTOM.")
]


class ExternalId(Wire, frozen=True, kw_only=True):
    """The name of something in another system."""

    id: Text | None = None
    source: Text | None = None
    description: Text | None = None


class ItineraryAddress(Wire, frozen=True, kw_only=True):
    """A stop of a journey; a stop may be known by its name alone, so nothing is required."""

    id: Text | None = None
    name: Text | None = None
    address_line: Text | None = None
    address_line_2: Text | None = None
    postal_code: Text | None = None
    postal_place: Text | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    country: Country | None = None
    external_ids: tuple[ExternalId, ...] | None = None


class Measure(Wire, frozen=True, kw_only=True):
    """A distance or a duration; the contract names no unit."""

    value: Number | None = None


class Ticket(Wire, frozen=True, kw_only=True):
    """A seat or a right to travel on one leg."""

    class_: Text | None = field(default=None, name="class")
    line: Text | None = None
    seat: Text | None = None
    zone: Text | None = None
    passenger_id: tuple[Text, ...] | None = None


class Waypoint(Wire, frozen=True, kw_only=True):
    """A point on the way; its coordinates are plain numbers in the contract."""

    latitude: Number | None = None
    longitude: Number | None = None
    display_name: Text | None = None
    arrival_schedule_at: Text | None = None
    departure_schedule_at: Text | None = None


class Itinerary(Wire, frozen=True, kw_only=True):
    """One leg of a journey; its times are free text, as a timetable writes them."""

    id: Text | None = None
    operator: Text | None = None
    arrival_address: ItineraryAddress | None = None
    arrival_at: Text | None = None
    departure_address: ItineraryAddress | None = None
    departure_at: Text | None = None
    travel_mode: TravelMode | None = None
    route_id: Text | None = None
    vehicle_id: Text | None = None
    summary: Text | None = None
    distance: Measure | None = None
    duration: Measure | None = None
    tickets: tuple[Ticket, ...] | None = None
    line_ids: tuple[LineId, ...] | None = None
    waypoints: tuple[Waypoint, ...] | None = None


class Passenger(Wire, frozen=True, kw_only=True):
    """A person who travels on a reservation."""

    id: Text | None = None
    title: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None


class Insurance(Wire, frozen=True, kw_only=True):
    """An insurance bought with a reservation."""

    insurance_company: Text | None = None
    insurance_type: Text | None = None


class ReservedLeg(Wire, frozen=True, kw_only=True):
    """One leg of a reservation, with real moments in time."""

    departure_address: PostalAddress | None = None
    departure_at: datetime | None = None
    arrival_address: PostalAddress | None = None
    arrival_at: datetime | None = None
    operator: Text | None = None
    class_: Text | None = field(default=None, name="class")
    line: Text | None = None
    seat: Text | None = None
    zone: Text | None = None
    expires_at: datetime | None = None
    activates_at: datetime | None = None
    passenger_id: tuple[Text, ...] | None = None


class Reservation(Wire, frozen=True, kw_only=True):
    """A booking of seats on a bus, ferry, metro, taxi, train or tram."""

    booking_id: Text | None = None
    line_ids: tuple[LineId, ...] | None = None
    passengers: tuple[Passenger, ...] | None = None
    itinerary: tuple[ReservedLeg, ...] | None = None
    insurance: tuple[Insurance, ...] | None = None


class CarRental(Wire, frozen=True, kw_only=True):
    """One rental of a car, from where it is picked up to where it is dropped off."""

    rental_company: Text | None = None
    drivers_id: tuple[Text, ...] | None = None
    pick_up_address: PostalAddress | None = None
    pick_up_at: datetime | None = None
    drop_off_address: PostalAddress | None = None
    drop_off_at: datetime | None = None
    class_: Text | None = field(default=None, name="class")


class CarReservation(Wire, frozen=True, kw_only=True):
    """A booking of a car."""

    booking_id: Text | None = None
    line_ids: tuple[LineId, ...] | None = None
    itinerary: tuple[CarRental, ...] | None = None
    drivers: tuple[Text, ...] | None = None
    insurance: tuple[Insurance, ...] | None = None


class Attachment(Wire, frozen=True, kw_only=True):
    """What was reserved for the customer, one field for each kind of vehicle."""

    id: Text | None = None
    bus_reservation: Reservation | None = None
    car_reservation: CarReservation | None = None
    ferry_reservation: Reservation | None = None
    metro_reservation: Reservation | None = None
    taxi_reservation: Reservation | None = None
    train_reservation: Reservation | None = None
    tram_reservation: Reservation | None = None
