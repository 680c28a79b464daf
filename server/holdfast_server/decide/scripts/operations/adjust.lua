-- adjust.lua
--
-- Purpose   Corrects units on hand by a difference. It may take units that are reserved: the net quantity is negative
--           then, and nothing more can be reserved there until it is positive again.
-- Command   { lines }; a line is { sku, location, status, delta }
-- Journal   ADJUST: a movement per SKU, location and status; extra: the levels after it, packed.
-- Invariant No status of a level falls below zero units on hand.

operation.adjust = function(arguments, command)
  local sums = summed_by_status(arguments[1])
  local refusal = on_hand_refusal(sums)
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the correction must succeed.
  return change_on_hand(KIND.ADJUST, sums, command)
end
