"""Breaks a fleet in one way after another, and prints what everything said of it.

    python -m tests.rules.broken FOLDER [PREVIEW [OUTAGE ...]]

For each outage: what fired, every notification, what the landing pages and the dashboards showed, and the energy
counted against the simulator's truth. PREVIEW is a program that draws dashboards: pictures of them, and of the landing
page, go to FOLDER. Exits with 1 if an outage could not be played, or if the energy is more than 1 % off.

The rules are the shipped ones in fast motion: a minute is 5 seconds. A meter is not any faster: a charger with little
power may not reach its next 0.01 kWh in 40 such minutes, and VechargeEnergyNotRising fires.

scenarios.py    what is broken, and its repair
stack.py        simulator, two shards, Prometheus and Alertmanager
said.py         what rules, receivers and dashboards said
pages.py        what the landing pages said
"""
