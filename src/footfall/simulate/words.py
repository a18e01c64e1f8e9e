"""The words the simulated shop is made of."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


FEMALE = _words(
    "Olivia Amelia Isla Ava Mia Ivy Lily Grace Freya Willow Florence Emily Ella Poppy Evie Elsie Charlotte "
    "Evelyn Sienna Sofia Daisy Phoebe Sophie Alice Harper Matilda Ruby Emma Maya Millie Rosie Isabella Eva "
    "Luna Jessica Ada Zara Aisha Priya Fatima Ingrid Chloe Nora Hannah Megan Holly Sarah Laura Rachel Anna"
)
MALE = _words(
    "Noah George Oliver Arthur Leo Harry Oscar Archie Henry Theodore Jack Charlie Freddie Jacob Alfie Thomas "
    "William James Lucas Edward Joshua Max Mason Ethan Isaac Samuel Daniel Adam Finley Logan Teddy Reuben "
    "Louie Elijah Rory Jude Omar Ravi Hassan Lukas David Peter Stephen Martin Rhys Owen Simon Gareth Ian Paul"
)
SURNAMES = _words(
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White "
    "Roberts Green Hall Wood Jackson Clarke Khan Lewis James Phillips Mason Mitchell Rose Davis Rodgers Cox "
    "Alexander Marshall Hill Moore Harris Cooper Ward Turner Martin Hughes Edwards Baker Harrison Scott King "
    "Young Allen Bailey Bennett Carter Chapman Collins Cook Dixon Ellis Fletcher Foster Gibson Gordon Graham "
    "Grant Gray Griffiths Hamilton Harvey Holmes Hunt Hussain Kelly Kennedy Knight Lee Lloyd Macdonald Miller "
    "Morgan Morris Murphy Murray Newman Owen Palmer Parker Pearson Perry Powell Price Reid Reynolds Richards "
    "Richardson Russell Saunders Shaw Simpson Singh Stevens Stone Sutton Thomas Walsh Watson Webb Wells West"
)
REGIONS = (
    ("London", "E", 0.25),
    ("Manchester", "M", 0.10),
    ("Birmingham", "B", 0.05),
    ("Leeds", "LS", 0.0),
    ("Bristol", "BS", 0.10),
    ("Glasgow", "G", -0.15),
    ("Cardiff", "CF", -0.20),
    ("Newcastle", "NE", -0.15),
    ("Norwich", "NR", -0.05),
    ("Exeter", "EX", 0.0),
)
"""Town, postcode area, effect on the log purchase rate."""
PROFESSIONS = (
    ("student", 14_000, -0.25),
    ("sales assistant", 23_000, -0.05),
    ("nurse", 34_000, 0.10),
    ("teacher", 38_000, 0.10),
    ("engineer", 47_000, 0.05),
    ("manager", 56_000, 0.15),
    ("lawyer", 68_000, 0.0),
    ("doctor", 82_000, 0.05),
    ("tradesperson", 36_000, -0.10),
    ("retired", 25_000, 0.0),
)
"""Profession, median yearly income, effect on the log purchase rate."""
STREETS = [
    "High Street",
    "Station Road",
    "Church Lane",
    "Victoria Road",
    "Mill Lane",
    "Park Avenue",
    "King Street",
    "The Green",
]
DOMAINS = _words("gmail.com outlook.com yahoo.co.uk icloud.com btinternet.com proton.me")
CATEGORIES = (
    ("electronics.audio.headphones", 60),
    ("electronics.audio.speakers", 90),
    ("electronics.phone.cases", 18),
    ("electronics.phone.chargers", 22),
    ("electronics.computers.keyboards", 55),
    ("electronics.computers.mice", 30),
    ("home.kitchen.pans", 45),
    ("home.kitchen.knives", 38),
    ("home.kitchen.mugs", 11),
    ("home.bedding.duvets", 65),
    ("home.bedding.pillows", 28),
    ("home.lighting.lamps", 42),
    ("beauty.skin.creams", 19),
    ("beauty.skin.serums", 26),
    ("beauty.hair.shampoo", 9),
    ("beauty.makeup.lipstick", 14),
    ("fashion.shoes.trainers", 75),
    ("fashion.shoes.boots", 98),
    ("fashion.tops.shirts", 32),
    ("fashion.tops.jumpers", 44),
    ("food.coffee.beans", 13),
    ("food.tea.leaves", 8),
    ("pets.dogs.food", 27),
    ("pets.cats.food", 24),
)
"""Category code and its typical price."""
BRANDS = _words(
    "Norvik Halden Brightwell Okami Larkspur Ferrow Quill Tamarin Oakmere Solis Vantage Pebble Corvid Juniper "
    "Marlow Kestrel Aldgate Bramble Cobalt Dovetail Ember Fable Gantry Harrow Indigo"
)
ADJECTIVES = _words("Classic Light Deluxe Compact Everyday Studio Soft Urban Pro Natural Slim Grand")
PRAISE = (
    "Great quality, would buy again",
    "Exactly as described",
    "Arrived quickly and works perfectly",
    "Love it",
    "Good value for the money",
)
MIDDLING = ("It is fine", "Does the job, nothing special", "Smaller than I expected", "OK for the price")
COMPLAINTS = (
    "Arrived damaged and support never answered",
    "Stopped working after a week",
    "Poor quality, returned it",
    "Not as described",
    "Delivery took far too long",
)
PAYMENTS = ("card", "paypal", "invoice", "gift card")
CHANNELS = ("web", "app")
EVENT_TYPES = ("view", "click", "add_to_cart", "remove_from_cart", "search", "purchase")
GENDERS = ("female", "male", "other")
TIERS = ("bronze", "silver", "gold")
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
MORE_FEMALE = _words(
    "Abigail Alexandra Alisha Amber Amelie Amina Amy Annabelle Beatrice Bella Bethany Caitlin Eleanor Eliza "
    "Elizabeth Erin Esme Eve Evelina Gemma Georgia Gracie Harriet Heidi Hope Imogen Iris Isabel Isobel Jasmine "
    "Jennifer Julia Katie Keira Lacey Lara Leah Lexi Libby Lola Lottie Lucy Lydia Madison Maisie Maria Martha Mary "
    "Maryam Mollie Molly Niamh Paige Penelope Rebecca Rose Sara Scarlett Skye Sophia Summer Tilly Victoria Violet "
    "Zoe"
)
MORE_MALE = _words(
    "Aaron Aidan Alex Alexander Andrew Anthony Ashton Bailey Benjamin Billy Blake Bobby Bradley Callum Cameron "
    "Charles Christopher Connor Dexter Dominic Dylan Elliot Elliott Evan Felix Frankie Frederick Gabriel Harley "
    "Harrison Harvey Hugo Ibrahim Jake Jamie Jayden Jenson Joel John Jonathan Joseph Kai Kian Kyle Lewis Liam Luca "
    "Luke Matthew Michael Mohammed Nathan Nathaniel Nicholas Oakley Ollie Patrick Reece Riley Robert Ronnie Ryan Sam "
    "Sebastian Spencer Stanley Theo Toby Tyler Yusuf Zachary"
)
NICKNAMES = dict(
    pair.split(":")
    for pair in _words(
        "Alexander:Alex Alexandra:Alex Andrew:Andy Anthony:Tony Benjamin:Ben Bethany:Beth Cameron:Cam "
        "Charles:Charlie Charlotte:Lottie Christopher:Chris Daniel:Dan David:Dave Edward:Ted Eleanor:Ellie "
        "Elizabeth:Liz Frederick:Fred Harrison:Harry Henry:Harry Isabella:Bella Jacob:Jake James:Jim Jennifer:Jenny "
        "Jessica:Jess Jonathan:Jon Joseph:Joe Joshua:Josh Madison:Maddie Martin:Marty Matthew:Matt Megan:Meg "
        "Michael:Mike Mohammed:Mo Nathan:Nate Nathaniel:Nat Nicholas:Nick Olivia:Liv Patrick:Pat Peter:Pete "
        "Rebecca:Becky Robert:Bob Samuel:Sam Sebastian:Seb Sophie:Soph Stephen:Steve Theodore:Theo Thomas:Tom "
        "Victoria:Vicky William:Will Zachary:Zac"
    )
)
"""Full name and what friends say."""
