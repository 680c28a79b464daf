-- plan_inbound.lua
--
-- Purpose   Announces units that are expected at a location, or changes what was announced; what came in is kept.
-- Command   { inbound_id, location, expected_us, lines }; a line is { sku, quantity }; no lines close the plan
-- Journal   PLAN_INBOUND: no movements, the plan; extra: the plan, packed.

-- Returns a refusal, or nil.
local function plan_refusal(location, lines)
  local refusal = Stock.place_refusal(location)
  for _, line in ipairs(lines) do
    refusal = refusal or Stock.sku_refusal(line[1])
  end
  return refusal
end

-- Returns the lines of a plan: what is announced now, and of the rest what came in; and whether anything is open.
local function planned_lines(known_lines, lines)
  local received_of, planned, is_open = {}, {}, false
  for _, line in ipairs(known_lines) do
    received_of[line[PAPER_LINE.INBOUND.sku]] = line[PAPER_LINE.INBOUND.received]
  end
  for _, line in ipairs(lines) do
    local sku, quantity = line[1], line[2]
    local received = received_of[sku] or 0
    received_of[sku] = nil
    planned[#planned + 1] = { sku, quantity, math.max(0, quantity - received), received }
    is_open = is_open or quantity > received
  end
  for _, line in ipairs(known_lines) do
    local received = received_of[line[PAPER_LINE.INBOUND.sku]] or 0
    if received > 0 then
      planned[#planned + 1] = { line[PAPER_LINE.INBOUND.sku], received, 0, received }
    end
  end
  return planned, is_open
end

operation.plan_inbound = function(arguments, command)
  local id, location, expected_us, lines = unpack(arguments)
  local refusal = plan_refusal(location, lines)
  if refusal then
    return refusal
  end
  local inbound, result, why = Documents.find(PAPER.INBOUND, id, command)
  if not inbound and (why ~= 'ABSENT' or #lines == 0) then
    return result
  end
  if inbound and inbound[DOCUMENT.location] ~= location then
    return refuse('EXCEEDS_DOCUMENT', PAPER.INBOUND, id, location, 0, 0)
  end
  local too_many = Supply.refusal(Documents.key(PAPER.INBOUND, id), location, lines)
  if too_many then
    return too_many
  end

  -- Everything is checked. From here on the plan is in force.
  local record = begin(KIND.PLAN_INBOUND, command)
  if inbound then
    -- What is no longer announced is no longer expected.
    for _, line in ipairs(inbound[DOCUMENT.lines]) do
      Supply.expect(line[PAPER_LINE.INBOUND.sku], Documents.key(PAPER.INBOUND, id), location, 0, 0)
    end
  else
    inbound = Documents.make(PAPER.INBOUND, id, {})
    inbound[DOCUMENT.location] = location
  end
  local planned, is_open = planned_lines(inbound[DOCUMENT.lines], lines)
  inbound[DOCUMENT.lines] = planned
  inbound[DOCUMENT.expected_us] = expected_us
  if not is_open then
    inbound[DOCUMENT.state] = PAPER_STATE.INBOUND.CLOSED
  end
  record[RECORD.extra] = Documents.keep(inbound, record)
  return finish(record, command)
end
