"""What every page uses: numbers as text, the theme, cards, alarms, trends."""
